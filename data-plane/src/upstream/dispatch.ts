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
  | {
      readonly kind: "unreachable";
      readonly error: Error;
      /** It was sent on a kept connection that the provider had closed already: nobody has worked on it. */
      readonly stale: boolean;
    }
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
export interface AnswerHandler extends Dispatcher.DispatchHandler, TimeLimited {
  readonly dispatch: Dispatch;
}

/** Where an attempt is sent: the one connection of it that there may be at a time, or a new one. */
export interface Line {
  /** How often it was connected. */
  readonly connects: number;
}

/** A provider that closed a kept connection is noticed within a round trip. */
const STALE_MS_MAX = 1_000;

/** The state of one attempt, for the handler that owns it. */
export class Dispatch implements RunningAttempt {
  readonly end: Promise<AttemptEnd>;
  readonly timer: AttemptTimer;
  /** 0 until the answer has begun. */
  status = 0;
  headers: ResponseHeaders = {};
  ended = false;
  requestSent = false;
  #line: Line | undefined;
  #connectsBefore = 0;
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

  /** It waits for this line, which may be connected already. */
  takesLine(line: Line): void {
    this.#line = line;
    this.#connectsBefore = line.connects;
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
    else this.finish({ kind: "unreachable", error, stale: this.#isStale(error) });
  }

  #isStale(error: Error): boolean {
    const kept = this.#line?.connects === this.#connectsBefore;
    if (!kept || this.status > 0 || !("code" in error) || !CLOSED.has(error.code)) return false;
    return !this.requestSent || this.timer.elapsedMs() < STALE_MS_MAX;
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

/** What a connection ends with that its other side has closed. */
const CLOSED: ReadonlySet<unknown> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

const STOPPED = new Error("the call was stopped");

function isPlain(contentEncoding: string | string[] | undefined): boolean {
  return contentEncoding === undefined || contentEncoding === "identity";
}
