/** What a call may use, before it is made. Estimates are for holds only; what is charged is what the provider reports. */
import type { Exchange } from "../../pipeline/exchange.ts";
import type { Gateway } from "../../pipeline/stage.ts";

/** Text is close to four bytes a token, and a token is a byte at the least. */
const BYTES_PER_TOKEN = 4;
/** Output that a call without a bound and without a history is expected to stay below. */
const UNBOUNDED_OUTPUT = 4_096;

export interface TokenEstimate {
  readonly inputExpected: number;
  readonly inputMaximum: number;
  readonly outputExpected: number;
  readonly outputMaximum: number;
}

export function estimateTokens(exchange: Exchange, { outputs }: Pick<Gateway, "outputs">): TokenEstimate {
  const { model, parameters, agent, protocol } = exchange;
  if (model === undefined || agent === undefined || protocol?.metered !== true) return NOTHING;
  const bytes = exchange.body.length;
  const declared = parameters?.outputTokensMax;
  const choices = parameters?.choices ?? 1;
  const outputMaximum = (declared ?? model.model.output_tokens_max) * choices;
  const unlearned =
    declared === undefined ? Math.min(outputMaximum, UNBOUNDED_OUTPUT * choices) : outputMaximum;
  return {
    inputExpected: estimateInput(bytes),
    inputMaximum: bytes,
    outputExpected: outputs.expect(agent.id, model.model.name, unlearned),
    outputMaximum,
  };
}

/** Tokens of an input of so many bytes. */
export function estimateInput(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

const NOTHING: TokenEstimate = {
  inputExpected: 0,
  inputMaximum: 0,
  outputExpected: 0,
  outputMaximum: 0,
};
