/**
 * What every attempt has in common, whether its answer is kept whole or passed on as it comes: it is one call to one
 * provider, from the first byte out to the last byte in; it can be stopped; it never throws: how it ended is its result.
 */
import type { TargetTimeouts } from "@headgate/sdk/contract";
import type { Dispatcher } from "undici";
import type { Clock } from "../lib/clock.ts";
import { AttemptTimer, type TimeLimited } from "./timeouts.ts";

export interface AttemptRequest {
  readonly pool: Dispatcher;
  readonly method: "POST" | "GET";
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer;
  readonly timeouts: TargetTimeouts;
  readonly clock: Clock;
}

/** An attempt that has begun. */
export interface RunningAttempt {
  readonly end: Promise<AttemptEnd>;
  /** Whether the provider has the whole request. */
  readonly sent: boolean;
  /** Stops the call; the end is then `cancelled`. */
  cancel(): void;
}

export type AttemptEnd =
  /** The provider answered in full. */
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: ResponseHeaders;
      readonly body: Buffer;
    }
  /** A stream ran to its last event; `held` is its end, not yet written. */
  | { readonly kind: "streamed"; readonly status: number; readonly held: Buffer; readonly failed: boolean }
  /** A stream began and did not reach its last event. */
  | {
      readonly kind: "broken";
      readonly status: number;
      /** The provider has reported a failure, and the agent was told of it by that. */
      readonly failed: boolean;
      readonly reported: boolean;
      readonly timedOut: boolean;
    }
  | { readonly kind: "timeout" }
  | { readonly kind: "unreachable"; readonly error: Error }
  /** Too large, compressed although that was not asked for, or a stream that failed before its first output. */
  | {
      readonly kind: "unusable";
      readonly status: number;
      /** What a stream said of its failure, with each byte as one character (latin1). */
      readonly fault?: string;
    }
  | { readonly kind: "cancelled" };

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What a handler adds: the way of the bytes, and how an attempt ends that has run out of time. */
export type AnswerHandler = Dispatcher.DispatchHandler & TimeLimited;

/** The state of one attempt, for the handler that owns it. */
export class Dispatch implements RunningAttempt {
  readonly end: Promise<AttemptEnd>;
  readonly timer: AttemptTimer;
  /** 0 until the answer has begun. */
  status = 0;
  headers: ResponseHeaders = {};
  ended = false;
  requestSent = false;
  readonly #resolve: (end: AttemptEnd) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #connectionDone = false;

  constructor({ timeouts, clock }: AttemptRequest, handler: AnswerHandler) {
    const { promise, resolve } = Promise.withResolvers<AttemptEnd>();
    this.end = promise;
    this.#resolve = resolve;
    this.timer = new AttemptTimer(timeouts, clock, handler);
  }

  get sent(): boolean {
    return this.requestSent || this.status > 0;
  }

  requestStarts(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.ended) controller.abort(STOPPED);
  }

  /** False where there is nothing to read: an informational response, which is not yet the answer, or one that is unusable. */
  answerStarts(status: number, headers: ResponseHeaders): boolean {
    if (status < 200) return false;
    this.status = status;
    this.headers = headers;
    if (!isPlain(headers["content-encoding"])) {
      this.finish({ kind: "unusable", status });
      return false;
    }
    this.timer.answerStarts();
    return true;
  }

  /** Nothing more comes. */
  connectionDone(): void {
    this.#connectionDone = true;
    if (this.ended) this.timer.stop();
  }

  /** Gives up the connection of an attempt that has ended. */
  letGo(): void {
    this.timer.stop();
    this.#controller?.abort(STOPPED);
  }

  cancel(): void {
    this.finish({ kind: "cancelled" });
  }

  /** The connection failed, and nothing of the answer is the agent's yet. */
  fail(error: Error): void {
    if ("code" in error && error.code === "UND_ERR_CONNECT_TIMEOUT") this.finish({ kind: "timeout" });
    else this.finish({ kind: "unreachable", error });
  }

  /** Only the first end counts. */
  finish(end: AttemptEnd): void {
    if (this.ended) return;
    this.ended = true;
    // A connection is kept when its answer has come to an end as well.
    if (end.kind === "streamed" && !this.#connectionDone) this.timer.wrapUp();
    else this.timer.stop();
    if (end.kind !== "answered" && end.kind !== "streamed") this.#controller?.abort(STOPPED);
    this.#resolve(end);
  }
}

/** Sends the request; what comes back is the handler's. */
export function send({ pool, method, path, headers, body }: AttemptRequest, handler: AnswerHandler): void {
  pool.dispatch({ method, path, headers, body }, handler);
}

const STOPPED = new Error("the call was stopped");

function isPlain(contentEncoding: string | string[] | undefined): boolean {
  return contentEncoding === undefined || contentEncoding === "identity";
}
