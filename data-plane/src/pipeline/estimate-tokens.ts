/** What a call may use, before it is made. Estimates are for holds only; what is charged is what the provider reports. */
import type { Exchange } from "./exchange.ts";
import type { Gateway } from "./stage.ts";

/** Text is close to four bytes a token; hardly any text is below two. */
const BYTES_PER_TOKEN = 4;
const BYTES_PER_TOKEN_LEAST = 2;

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
  const perChoice = parameters?.outputTokensMax ?? model.model.output_tokens_max;
  const outputMaximum = perChoice * (parameters?.choices ?? 1);
  return {
    inputExpected: estimateInput(bytes),
    inputMaximum: Math.ceil(bytes / BYTES_PER_TOKEN_LEAST),
    outputExpected: outputs.expect(agent.id, model.model.name, outputMaximum),
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
