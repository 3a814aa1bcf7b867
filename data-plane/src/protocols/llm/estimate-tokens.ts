/** What a call may use, before it is made. Estimates are for holds only; what is charged is what the provider reports. */
import type { Id, SnapshotModel } from "@headgate/sdk/contract";
import type { OutputEstimator } from "../../limits/expected-output.ts";
import type { Asked } from "./parameters.ts";

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

export function estimateTokens(
  { body, outputTokensMax, choices }: Asked,
  model: SnapshotModel,
  agentId: Id<"agent">,
  outputs: OutputEstimator,
): TokenEstimate {
  const outputMaximum = (outputTokensMax ?? model.output_tokens_max) * choices;
  const unlearned =
    outputTokensMax === undefined ? Math.min(outputMaximum, UNBOUNDED_OUTPUT * choices) : outputMaximum;
  return {
    inputExpected: estimateInput(body.length),
    inputMaximum: body.length,
    outputExpected: outputs.expect(agentId, model.name, unlearned),
    outputMaximum,
  };
}

/** Tokens of an input of so many bytes. */
export function estimateInput(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}
