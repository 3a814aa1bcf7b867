/**
 * What the gateway knows of an endpoint. Protocols are entries in a table; the pipeline reads the table and has no
 * special case for any of them. A protocol types only what is acted on: the rest of a body passes as it came.
 */
import type { Dialect, Endpoint, UsageQuantities } from "@headgate/sdk/contract";

export interface Protocol {
  readonly endpoint: Endpoint;
  readonly dialect: Dialect;
  readonly method: "POST" | "GET";
  /** What agents call. */
  readonly path: string;
  /** What is appended to a provider's base URL. */
  readonly upstreamPath: string;
  readonly modelKind: "chat" | "embeddings";
  /** `gen_ai.operation.name` (OpenTelemetry semantic conventions). */
  readonly operation: "chat" | "embeddings" | "count_tokens" | "list_models";
  /** Whether tokens are counted, limited and budgeted. Counting tokens costs none. */
  readonly metered: boolean;
  readonly parameters: ParameterNames;
  /** Reads the usage of a whole answer; undefined where it has none that can be read. */
  readUsage(answer: unknown): UsageReading | undefined;
  /** Undefined where the endpoint does not stream. */
  readonly stream: StreamEvents | undefined;
}

/** The members of a request body that policy acts on. */
export interface ParameterNames {
  /** Upper bounds of the output in tokens; the first that is present counts. */
  readonly outputMax: readonly string[];
  /** How many answers are asked for at once. */
  readonly choices: string | undefined;
  readonly streams: boolean;
  /** Members that may not be true: what they ask for cannot be accounted for. */
  readonly notTrue: readonly string[];
}

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

/** How to read a dialect's stream. */
export interface StreamEvents {
  /** Whether usage must be asked for in the request (`stream_options.include_usage`). */
  readonly usageOnDemand: boolean;
  /** Starts the reading of one stream. */
  start(): StreamState;
}

export interface StreamState {
  /** Takes one event. `data` is its payload with each byte as one character (latin1). */
  read(name: string, data: string): EventMeaning;
  /** What has been reported so far; figures are the latest, never sums. */
  usage(): UsageReading | undefined;
}
