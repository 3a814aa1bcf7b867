/** What a call is expected to produce, as the pipeline sees it. */
import type { Id } from "@headgate/sdk/contract";

export interface OutputEstimator {
  /** The output in tokens that nearly all such calls stay below; `maximum` while too few have been seen. */
  expect(agentId: Id<"agent">, model: string, maximum: number): number;
  /** Learns from a call that ended. */
  observe(agentId: Id<"agent">, model: string, outputTokens: number): void;
}
