/**
 * An attempt whose answer is a stream: its bytes go through their steps and to the agent as they come, with
 * back-pressure. What comes before the first output is held back, so that another target may still answer. The last
 * event ends the attempt, whatever becomes of the connection.
 */
import type { Dispatcher } from "undici";
import { isEventStream } from "../lib/media-type.ts";
import {
  type AnswerHandler,
  type AttemptRequest,
  Dispatch,
  type ResponseHeaders,
  type RunningAttempt,
  send,
} from "./dispatch.ts";
import type { TimeLimit } from "./timeouts.ts";
import { WholeBody } from "./whole-body.ts";

/** What the bytes of a stream go through on their way to the agent. */
export interface StreamSteps {
  /** Takes bytes as they come from the provider; returns those to pass on now, in order. */
  push(chunk: Buffer): Buffer | undefined;
  /** The provider has finished: what was kept for an incomplete event, and may now be passed. */
  finish(): Buffer | undefined;
  /** The end of the answer, kept back; empty while the end has not come. */
  held(): Buffer;
  readonly meter: StreamProgress;
}

export interface StreamProgress {
  /** Whether some output has come: announcements, pings and the like are none. */
  readonly begun: boolean;
  /** Whether the last event has come. */
  readonly complete: boolean;
  /** Whether nothing but the last event is missing. */
  readonly whole: boolean;
  /** Whether the provider reported a failure in the stream. */
  readonly failed: boolean;
  /** Whether the agent is told of that failure by what it is passed. */
  readonly errorReported: boolean;
  /** What the provider said when it reported the failure, with each byte as one character (latin1). */
  readonly fault: string;
}

/** Where a stream is written to. */
export interface StreamSink {
  /** Hands bytes to the agent's connection, with the head before the first; false asks for a pause. */
  write(bytes: Buffer): boolean;
  /** Resumes the attempt once, when more can be written. */
  onDrain(attempt: Resumable): void;
}

export interface Resumable {
  resume(): void;
}

/** Begins the call at once. */
export function startStreamedAnswer(
  request: AttemptRequest,
  steps: StreamSteps,
  sink: StreamSink,
): RunningAttempt {
  const attempt = new StreamedAnswer(request, steps, sink);
  send(request, attempt);
  return attempt.dispatch;
}

/** What is held back before the first output. Beyond it what came is passed on. */
const BEFORE_BYTES_MAX = 64 * 1024;
/** What a provider may send behind the last event before its connection is given up. */
const BEHIND_BYTES_MAX = 64 * 1024;

class StreamedAnswer implements AnswerHandler, Resumable {
  readonly dispatch: Dispatch;
  readonly #steps: StreamSteps;
  readonly #sink: StreamSink;
  /** What is not a stream, such as an error, is kept whole. */
  #body: WholeBody | undefined;
  #written = false;
  #before: Buffer[] = [];
  #beforeBytes = 0;
  #behindBytes = 0;
  /** Set while the agent reads too slowly. */
  #paused: Dispatcher.DispatchController | undefined;

  constructor(request: AttemptRequest, steps: StreamSteps, sink: StreamSink) {
    this.dispatch = new Dispatch(request, this);
    this.#steps = steps;
    this.#sink = sink;
  }

  resume(): void {
    const controller = this.#paused;
    this.#paused = undefined;
    this.dispatch.timer.active();
    controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.dispatch.requestStarts(controller);
  }

  onRequestSent(): void {
    this.dispatch.requestSent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    if (!this.dispatch.answerStarts(status, headers)) return;
    if (status >= 300 || !isEventStream(headers["content-type"])) this.#body = new WholeBody(status);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const dispatch = this.dispatch;
    if (dispatch.ended) {
      this.#behindBytes += chunk.length;
      if (this.#behindBytes > BEHIND_BYTES_MAX) dispatch.letGo();
      return;
    }
    dispatch.timer.active();
    if (this.#body === undefined) this.#pass(controller, this.#steps.push(chunk));
    else if (!this.#body.push(chunk)) dispatch.finish({ kind: "unusable", status: dispatch.status });
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { status, headers } = this.dispatch;
    this.dispatch.connectionDone();
    if (this.dispatch.ended) return;
    if (this.#body !== undefined) {
      this.dispatch.finish({ kind: "answered", status, headers, body: this.#body.bytes() });
      return;
    }
    const { meter } = this.#steps;
    this.#pass(controller, this.#steps.finish());
    if (this.dispatch.ended) return;
    if (this.#written && meter.whole && !meter.failed) this.#complete();
    else if (this.#written) this.#break("provider");
    else this.dispatch.fail(new Error("the answer ended before its first output"));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.dispatch.connectionDone();
    if (this.#written) this.#break("provider");
    else this.dispatch.fail(error);
  }

  onTimeLimit(limit: TimeLimit): void {
    if (this.dispatch.ended) this.dispatch.letGo();
    else if (limit === "rest") this.#break("provider");
    // It is the agent that has stopped reading.
    else if (limit === "idle" && this.#paused !== undefined) this.dispatch.cancel();
    else if (this.#written) this.#break("time");
    else this.dispatch.finish({ kind: "timeout" });
  }

  #pass(controller: Dispatcher.DispatchController, bytes: Buffer | undefined): void {
    const { meter } = this.#steps;
    if (!this.#written && meter.failed && !meter.begun) {
      // Nothing of an answer came before the failure, so another target may answer.
      this.dispatch.finish({ kind: "unusable", status: this.dispatch.status, fault: meter.fault });
      return;
    }
    const ready = this.#written ? bytes : this.#fromStart(bytes);
    if (ready !== undefined) this.#write(controller, ready);
    if (meter.complete) this.#complete();
    else if (meter.errorReported) this.dispatch.timer.wrapUp();
    else if (meter.failed) this.#break("provider");
  }

  /** All that has come, once it may be written; undefined while the answer has not begun. */
  #fromStart(bytes: Buffer | undefined): Buffer | undefined {
    const before = this.#before;
    if (bytes !== undefined) {
      before.push(bytes);
      this.#beforeBytes += bytes.length;
    }
    const { begun, complete } = this.#steps.meter;
    if (before.length === 0 || !(begun || complete || this.#beforeBytes > BEFORE_BYTES_MAX)) return undefined;
    this.#before = [];
    return before.length === 1 ? before[0] : Buffer.concat(before, this.#beforeBytes);
  }

  #write(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    this.#written = true;
    if (this.#sink.write(bytes) || this.#steps.meter.complete) return;
    this.#paused = controller;
    controller.pause();
    this.#sink.onDrain(this);
  }

  #complete(): void {
    const { meter } = this.#steps;
    const { status } = this.dispatch;
    this.dispatch.finish({ kind: "streamed", status, held: this.#steps.held(), failed: meter.failed });
  }

  /** Part of a stream was written, and its end will not come. */
  #break(by: "provider" | "time"): void {
    this.dispatch.finish({
      kind: "broken",
      status: this.dispatch.status,
      failed: this.#steps.meter.failed,
      reported: this.#steps.meter.errorReported,
      timedOut: by === "time",
    });
  }
}
