/** What a protocol reads in answers on their way through. */
import type { UsageQuantities } from "@headgate/sdk/contract";
import type { ErrorFacts } from "./reply-style.ts";

/** What a provider said was used, in disjoint dimensions. */
export interface UsageReading {
  readonly usage: UsageQuantities;
  /** The provider's own figures contradict each other. */
  readonly inconsistent: boolean;
  /** What else decides the price, in the provider's words. */
  readonly conditions: Record<string, string> | undefined;
  /** The provider's own usage object as JSON text, for the ledger. */
  readonly raw: string;
}

/** What one server-sent event means. */
export type EventMeaning =
  | "other"
  /** Carries generated content. */
  | "content"
  /** Carries usage and nothing else that the agent asked for. */
  | "usage_only"
  /** The last event of a complete answer. */
  | "end"
  /** The last event of an answer that the provider itself calls failed. */
  | "failed_end"
  /** The provider reports a failure inside the stream. */
  | "error";

/** How to read a stream, and how to end one that cannot be completed. */
export interface StreamEvents {
  /** Whether usage must be asked for in the request (`stream_options.include_usage`). */
  readonly usageOnDemand: boolean;
  /** Starts the reading of one stream. */
  start(): StreamState;
  /** The event that ends a stream which cannot be completed; `body` is that of a whole error. */
  errorEvent(error: ErrorFacts, body: object): string;
}

export interface StreamState {
  /** Takes one event. `data` is its payload with each byte as one character (latin1). */
  read(name: string, data: string): EventMeaning;
  /** What has been reported so far; figures are the latest, never sums. */
  usage(): UsageReading | undefined;
}

/** What was told by the part of a stream that went by. */
export interface StreamMeter {
  /** Events that carried generated content. */
  readonly contentEvents: number;
  /** When the first of them came, in monotonic milliseconds. */
  readonly firstContentMono: number | undefined;
  /** What the provider has reported so far. */
  usage(): UsageReading | undefined;
}
