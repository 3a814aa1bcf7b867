/**
 * One call to one provider, from the first byte out to the last byte in. It writes a stream to the agent as it comes,
 * with back-pressure, and keeps everything else until it is whole. It never throws: how it ended is its result.
 */

import type { TargetTimeouts } from "@headgate/sdk/contract";
import type { Dispatcher } from "undici";
import type { Clock } from "../lib/clock.ts";
import { createEventStream, type EventStream } from "../protocols/event-stream.ts";
import type { StreamEvents, StreamState } from "../protocols/protocol.ts";

/** Largest answer that is kept whole before it is passed on. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Largest error body that is kept. */
const ERROR_BYTES_MAX = 1024 * 1024;

export interface AttemptRequest {
  readonly pool: Dispatcher;
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer;
  readonly timeouts: TargetTimeouts;
  readonly clock: Clock;
  /** Set when the agent asked for a stream. */
  readonly stream:
    | {
        readonly events: StreamEvents;
        readonly dropUsage: boolean;
        readonly sink: StreamSink;
      }
    | undefined;
}

/** Where a stream is written to. */
export interface StreamSink {
  /** Hands bytes to the agent's connection, with the head before the first; false asks for a pause. */
  write(bytes: Buffer): boolean;
  /** Calls back once when more can be written. */
  onDrain(resume: () => void): void;
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
  | {
      readonly kind: "streamed";
      readonly status: number;
      readonly held: Buffer;
      readonly failed: boolean;
    }
  /** A stream began and did not reach its last event. */
  | {
      readonly kind: "broken";
      readonly status: number;
      readonly reported: boolean;
      readonly timedOut: boolean;
    }
  | {
      readonly kind: "timeout";
      readonly phase: "connect" | "first_byte" | "total";
    }
  | { readonly kind: "unreachable"; readonly error: Error }
  /** Too large, compressed although that was not asked for, or a stream that began with its failure. */
  | { readonly kind: "unusable"; readonly status: number }
  | { readonly kind: "cancelled" };

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Attempt {
  readonly end: Promise<AttemptEnd>;
  /** Stops the call; the end is then `cancelled`. */
  cancel(): void;
  /** Milliseconds from the start to the first generated content of a stream. */
  firstContentMs(): number | undefined;
  /** What the stream has told so far. */
  streamState(): StreamState | undefined;
  contentEvents(): number;
  /** Whether the provider has the whole request. */
  sent(): boolean;
}

/** Begins the call at once. */
export function startAttempt(request: AttemptRequest): Attempt {
  const handler = new AttemptHandler(request);
  request.pool.dispatch(
    {
      method: "POST",
      path: request.path,
      headers: request.headers,
      body: request.body,
    },
    handler,
  );
  return handler;
}

class AttemptHandler implements Dispatcher.DispatchHandler, Attempt {
  readonly end: Promise<AttemptEnd>;
  readonly #request: AttemptRequest;
  readonly #startedMs: number;
  #resolve: (end: AttemptEnd) => void = ignore;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout;
  #ended = false;
  #sent = false;
  #status = 0;
  #headers: ResponseHeaders = {};
  #chunks: Buffer[] = [];
  #length = 0;
  #state: StreamState | undefined;
  #stream: EventStream | undefined;
  #written = false;
  #paused = false;
  #lastActivityMs = 0;
  #firstContentMs: number | undefined;

  constructor(request: AttemptRequest) {
    this.#request = request;
    this.#startedMs = request.clock.monotonicMs();
    this.end = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = setTimeout(
      this.#onTime,
      Math.min(request.timeouts.first_byte_ms, request.timeouts.total_ms),
    );
  }

  cancel(): void {
    this.#finish({ kind: "cancelled" });
  }

  firstContentMs(): number | undefined {
    return this.#firstContentMs;
  }

  streamState(): StreamState | undefined {
    return this.#state;
  }

  contentEvents(): number {
    return this.#stream?.contentEvents() ?? 0;
  }

  sent(): boolean {
    return this.#sent || this.#status > 0;
  }

  onRequestSent(): void {
    this.#sent = true;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(STOPPED);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    // An informational response is not yet the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#lastActivityMs = this.#request.clock.monotonicMs();
    const { stream, timeouts } = this.#request;
    if (!isPlain(headers["content-encoding"])) {
      this.#finish({ kind: "unusable", status });
      return;
    }
    if (stream !== undefined && status < 300 && isEventStream(headers["content-type"])) {
      this.#state = stream.events.start();
      this.#stream = createEventStream(this.#state, stream.dropUsage);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onTime, Math.min(timeouts.idle_ms, this.#totalLeftMs()));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    this.#lastActivityMs = this.#request.clock.monotonicMs();
    if (this.#stream !== undefined) {
      const pass = this.#stream.push(chunk);
      if (this.#beganWithError(this.#stream)) return;
      if (this.#firstContentMs === undefined && this.#stream.contentEvents() > 0) {
        this.#firstContentMs = this.#lastActivityMs - this.#startedMs;
      }
      if (pass !== undefined) this.#write(controller, pass);
      return;
    }
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length > (this.#status < 300 ? ANSWER_BYTES_MAX : ERROR_BYTES_MAX)) {
      this.#finish({ kind: "unusable", status: this.#status });
    }
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#ended) return;
    if (this.#stream === undefined) {
      const body = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
      this.#finish({
        kind: "answered",
        status: this.#status,
        headers: this.#headers,
        body: body ?? Buffer.concat(this.#chunks, this.#length),
      });
      return;
    }
    const rest = this.#stream.finish();
    if (this.#beganWithError(this.#stream)) return;
    if (rest !== undefined) this.#write(controller, rest);
    if (this.#stream.complete()) {
      const failed = this.#stream.failed();
      this.#finish({ kind: "streamed", status: this.#status, held: this.#stream.held(), failed });
    } else {
      this.#break(false);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    if (this.#written) this.#break(false);
    else if ("code" in error && error.code === "UND_ERR_CONNECT_TIMEOUT") {
      this.#finish({ kind: "timeout", phase: "connect" });
    } else this.#finish({ kind: "unreachable", error });
  }

  /** Ends the attempt where the provider reports an error before anything was written: another target may answer. */
  #beganWithError(stream: EventStream): boolean {
    if (this.#written || !stream.errorReported()) return false;
    this.#finish({ kind: "unusable", status: this.#status });
    return true;
  }

  #write(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    const sink = this.#request.stream?.sink;
    if (sink === undefined) return;
    this.#written = true;
    if (sink.write(bytes)) return;
    this.#paused = true;
    controller.pause();
    sink.onDrain(() => {
      this.#paused = false;
      this.#lastActivityMs = this.#request.clock.monotonicMs();
      controller.resume();
    });
  }

  /** A stream that stops before its end: with nothing written yet another target may still answer. */
  #break(timedOut: boolean): void {
    if (this.#written) {
      const reported = this.#stream?.failed() === true;
      this.#finish({
        kind: "broken",
        status: this.#status,
        reported,
        timedOut,
      });
    } else if (timedOut) this.#finish({ kind: "timeout", phase: "first_byte" });
    else
      this.#finish({
        kind: "unreachable",
        error: new Error("the answer ended before its first event"),
      });
  }

  readonly #onTime = (): void => {
    const { timeouts, clock } = this.#request;
    if (this.#totalLeftMs() <= 0) {
      if (this.#written) this.#break(true);
      else
        this.#finish({
          kind: "timeout",
          phase: this.#status === 0 ? "first_byte" : "total",
        });
      return;
    }
    const idleLeftMs = this.#status === 0 ? 0 : this.#lastActivityMs + timeouts.idle_ms - clock.monotonicMs();
    if (idleLeftMs > 1) {
      this.#timer = setTimeout(this.#onTime, Math.min(idleLeftMs, this.#totalLeftMs()));
    } else if (this.#paused) {
      // It is the agent that has stopped reading.
      this.#finish({ kind: "cancelled" });
    } else this.#break(true);
  };

  #totalLeftMs(): number {
    return this.#startedMs + this.#request.timeouts.total_ms - this.#request.clock.monotonicMs();
  }

  #finish(end: AttemptEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    if (end.kind !== "answered" && end.kind !== "streamed") this.#controller?.abort(STOPPED);
    this.#resolve(end);
  }
}

const STOPPED = new Error("the call was stopped");

function ignore(): void {}

function isPlain(contentEncoding: string | string[] | undefined): boolean {
  return contentEncoding === undefined || contentEncoding === "identity";
}

function isEventStream(contentType: string | string[] | undefined): boolean {
  return typeof contentType === "string" && contentType.startsWith("text/event-stream");
}
