/**
 * What one request carries through the pipeline. Each stage fills in what it is named for and reads what earlier
 * stages left; nothing else is shared between stages.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AttemptOpened, ErrorCode, Id } from "@headgate/sdk/contract";
import type { Principal } from "../identity/principal.ts";
import type { BudgetReservation, LimitReservation, LimitStatus } from "../limits/admission.ts";
import type { CompiledPolicy, CompiledTarget } from "../policy/compiled-policy.ts";
import type { Refusal } from "../policy/refusal.ts";
import type { PathParameters } from "../protocols/call.ts";
import type { AnyCall, Endpoint, WholeAnswer } from "../protocols/protocol.ts";
import type { ReplyStyle } from "../protocols/reply-style.ts";
import type { RequestHead } from "../protocols/request-head.ts";
import type { RunningAttempt } from "../upstream/dispatch.ts";
import type { AttemptResult } from "../usage/usage-recorder.ts";

/** Why there is no answer although the call was admitted. */
export interface Failure {
  readonly code: ErrorCode;
  /** What is told in place of the code's own text. Never what an error said, which may name addresses. */
  readonly message?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The agent has been told already, by the provider inside its stream. */
  readonly reported?: boolean;
}

/** One call to a provider, before and after. */
export interface Attempt {
  readonly opened: AttemptOpened;
  readonly target: CompiledTarget;
  readonly startedMono: number;
  result: AttemptResult | undefined;
}

export interface Stoppable {
  stop(): void;
}

/** What is sent to the agent when nothing refused and nothing failed. */
export type Answer =
  | WholeAnswer
  /** The head and most of the body are on their way; `held` is the end, kept until usage is durable. */
  | { readonly kind: "stream"; readonly held: Buffer };

/** What is known when a request has come. */
interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: Id<"request">;
  readonly decisionId: Id<"decision">;
  readonly receivedWall: number;
  readonly receivedMono: number;
  /** The policy this call lives under, from its first byte to its last. */
  readonly policy: CompiledPolicy | undefined;
  readonly head: RequestHead;
  /** Without the query; not yet checked where no protocol is known. */
  readonly path: string;
  /** What errors are written in. */
  readonly style: ReplyStyle;
  /** Undefined where the path is nobody's. */
  readonly endpoint: Endpoint | undefined;
  readonly pathParameters: PathParameters;
}

export interface Exchange extends Arrival {
  /** Also of a caller who is known and refused. */
  principal: Principal | undefined;
  body: Buffer;
  call: AnyCall | undefined;
  idempotencyKey: string | undefined;
  /** The answer is that of an earlier call with the same key. */
  replayed: boolean;
  limitReservation: LimitReservation | undefined;
  limitStatus: readonly LimitStatus[];
  budgetReservation: BudgetReservation | undefined;
  candidates: readonly CompiledTarget[];
  attempts: Attempt[];
  refusal: Refusal | undefined;
  /** Set when a provider (or the gateway) failed and no answer could be had. */
  failure: Failure | undefined;
  answer: Answer | undefined;
  /** The first byte of an answer has been handed to the socket: from here on there is no other answer. */
  committed: boolean;
  /** The agent went away before the answer was complete. */
  clientGone: boolean;
  /** The attempt that runs now; stopped when the agent goes away. */
  running: RunningAttempt | undefined;
  /** The body that is being read. */
  reading: Stoppable | undefined;
  /** The body is not sent before it was asked for, if at all. */
  awaitsContinue: boolean;
  /** The connection cannot be used for another request. */
  closeConnection: boolean;
  /** The answer went out beside the response, and its connection ends: nothing more is written. */
  cutOff: boolean;
  firstTokenMs: number | undefined;
  statusSent: number;
  /** What the body takes of the memory for bodies. */
  bodyBytesHeld: number;
  /** A stream to the agent is open. */
  streaming: boolean;
}

export function createExchange(arrival: Arrival): Exchange {
  return {
    ...arrival,
    principal: undefined,
    body: NO_BODY,
    call: undefined,
    idempotencyKey: undefined,
    replayed: false,
    limitReservation: undefined,
    limitStatus: NONE,
    budgetReservation: undefined,
    candidates: NONE,
    attempts: [],
    refusal: undefined,
    failure: undefined,
    answer: undefined,
    committed: false,
    clientGone: false,
    running: undefined,
    reading: undefined,
    awaitsContinue: false,
    closeConnection: false,
    cutOff: false,
    firstTokenMs: undefined,
    statusSent: 0,
    bodyBytesHeld: 0,
    streaming: false,
  };
}

const NO_BODY: Buffer = Buffer.alloc(0);
const NONE: readonly never[] = [];
