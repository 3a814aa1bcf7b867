/**
 * A dialect of model calls: everything that one provider's API does in its own way. Each is a folder with this one
 * export, named in `dialects.ts` and nowhere else; no dialect knows of another.
 */
import type { SnapshotModel, UsageSubject } from "@headgate/sdk/contract";
import type { UsageReading } from "../../reading.ts";
import type { ErrorFacts, ReplyStyle } from "../../reply-style.ts";
import type { OwnHeaders, RequestHead } from "../../request-head.ts";
import type { Asked } from "../parameters.ts";

export interface Dialect extends ReplyStyle {
  /** What providers in the policy say they speak. */
  readonly name: string;
  /** The request headers of its own that it acts on. */
  readonly headers: OwnHeaders;
  /** Whether a request comes from one of its clients, where its path is nobody's or not its alone. */
  claims(path: string, head: RequestHead): boolean;
  readonly endpoints: readonly DialectEndpoint[];
  /** Adds to a request to a provider what the dialect wants beside the body; nothing else of the agent's goes along. */
  pushUpstreamHeaders(headers: string[], head: RequestHead, credential: string | null): void;
  /** Whether a body is an error as its clients know it. */
  isOwnError(body: unknown): boolean;
  /** What is told of one model. */
  modelEntry(name: string, createdMs: number): object;
  /** The body of the list of models. */
  modelList(page: ModelPage, createdMs: number): object;
}

/** Of the models that an agent may call. */
export interface ModelPage {
  readonly names: readonly string[];
  /** Whether there are others behind these, in the order of the list. */
  readonly hasMore: boolean;
}

interface EndpointParts {
  readonly name: UsageSubject["endpoint"];
  /** What agents call; see `protocol.ts` for its parameters. */
  readonly path: string;
  /** `gen_ai.operation.name` (OpenTelemetry semantic conventions). */
  readonly operation: string;
}

/** Where the gateway itself says which models there are, or where its path has a `{model...}` in it, whether that one is. */
export interface ListEndpoint extends EndpointParts {
  readonly method: "GET";
}

/** Where a model is called. */
export interface ModelEndpoint extends EndpointParts {
  readonly method: "POST";
  readonly modelKind: SnapshotModel["kind"];
  /** Whether tokens are counted, limited and budgeted. Counting tokens costs none. */
  readonly metered: boolean;
  /** Fills in what is asked for, or names the parameter that is at fault. */
  read(asked: Asked): string | undefined;
  /** What is appended to a provider's base URL. */
  upstreamPath(upstreamModel: string, asked: Asked): string;
  /** The agent's own bytes wherever they can stay. */
  upstreamBody(asked: Asked, upstreamModel: string): Buffer;
  /** What every whole answer has. */
  readonly answerMember: string;
  /**
   * What `upstreamBody` adds to a body by itself, by the words that a provider would refuse it with. Undefined where it
   * adds nothing.
   */
  readonly additions?: readonly string[];
  /** Reads the usage of a whole answer; undefined where it has none that can be read. */
  readUsage(answer: unknown): UsageReading | undefined;
  /** Undefined where the endpoint does not stream. */
  readonly stream: StreamEvents | undefined;
}

export type DialectEndpoint = ListEndpoint | ModelEndpoint;

/** What one server-sent event means. */
export type EventMeaning =
  /** Brings no output: an announcement, a ping, a role. While nothing else has come, the answer has not begun. */
  | "quiet"
  /** Carries generated content. */
  | "content"
  /** Belongs to what is generated, and carries no content of its own. */
  | "other"
  /** Carries nothing that the agent asked for. */
  | "unasked"
  /** The last event of a complete answer. */
  | "end"
  /** The last event of an answer that the provider itself calls failed. */
  | "failed_end"
  /** The provider reports a failure inside the stream, as the dialect does. */
  | "error"
  /** The same in words that no client of the dialect takes for a failure: it is left out, and told in the dialect's. */
  | "bare_error";

/** What was asked for, as far as a stream is read by it. */
export type StreamAsked = Pick<Asked, "usageAsked" | "choices">;

/** How to read a stream, and how to end one that cannot be completed. */
export interface StreamEvents {
  /** Starts the reading of one stream. */
  start(asked: StreamAsked): StreamState;
  /** The event that ends a stream which cannot be completed; `body` is that of a whole error. */
  errorEvent(error: ErrorFacts, body: object): string;
}

export interface StreamState {
  /** Takes one event. `data` is its payload with each byte as one character (latin1). */
  read(name: string, data: string): EventMeaning;
  /** Bytes of generated text that went by, in a provider's own spelling. */
  readonly textBytes: number;
  /** Whether all of the answer has come but its last event, without which some providers end in order. */
  whole(): boolean;
  /** What has been reported so far; figures are the latest, never sums. */
  usage(): UsageReading | undefined;
}
