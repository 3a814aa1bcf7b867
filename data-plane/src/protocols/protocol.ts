/** What is served, and by which protocol. */
import type { UsageSubject } from "@headgate/sdk/contract";
import type { Attributes } from "@opentelemetry/api";
import type { CompiledAgent } from "../policy/compiled-agent.ts";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";
import type { Refusal } from "../policy/refusal.ts";
import type { PathParameters } from "./call.ts";
import type { LlmCall } from "./llm/call.ts";
import type { ReplyStyle } from "./reply-style.ts";
import type { OwnHeaders, RequestHead } from "./request-head.ts";

/** A call of any protocol, told apart by `kind`. */
export type AnyCall = LlmCall;

/** Endpoints that belong together. It lives long, as does everything that is reached from it. */
export interface Protocol {
  readonly endpoints: readonly Endpoint[];
  /** The request headers of its own that it acts on. */
  readonly headers: OwnHeaders;
  /** How a caller is spoken to whose path is nobody's; undefined where nothing tells that it is one of this protocol's. */
  styleFor(path: string, head: RequestHead): ReplyStyle | undefined;
}

export interface EndpointBase {
  readonly name: UsageSubject["endpoint"];
  readonly method: "POST" | "GET";
  /**
   * What agents call. A `{name}` in it is a path parameter: characters that stand for themselves, but no slash; `{name...}` may have slashes,
   * and escapes as clients write them that take it for one segment.
   */
  readonly path: string;
  /** What is done there: spans are named by it. */
  readonly operation: string;
  /** What spans tell of every call to it, in the protocol's words. */
  readonly spanAttributes: Attributes;
  /** What its errors are written in. */
  readonly style: ReplyStyle;
  /** Whether the request is from one of its own clients, where others have the same path. */
  claims(path: string, head: RequestHead): boolean;
}

/** Where calls are made. */
export interface CallEndpoint extends EndpointBase {
  readonly kind: "call";
  /** Reads a whole body into the call that it asks for, or says why it asks for none. */
  read(body: Buffer, pathParameters: PathParameters): AnyCall | Refusal;
}

/** Where the gateway answers by itself. */
export interface OwnEndpoint extends EndpointBase {
  readonly kind: "own";
  /** Lets others go on in between where it takes long. */
  answer(asked: OwnAsked): Promise<WholeAnswer | Refusal>;
}

export interface OwnAsked {
  readonly policy: CompiledPolicy;
  readonly agent: CompiledAgent;
  readonly wallMs: number;
  readonly pathParameters: PathParameters;
  /** Behind the question mark; empty where there is none. */
  readonly query: string;
}

export type Endpoint = CallEndpoint | OwnEndpoint;

export interface WholeAnswer {
  readonly kind: "json";
  readonly status: number;
  readonly body: Buffer;
  readonly contentType: string;
}
