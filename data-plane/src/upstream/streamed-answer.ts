/**
 * An attempt whose answer is a stream: its bytes go through their steps and to the agent as they come, with
 * back-pressure. Until the first of them is written another target may still answer.
 */
import type { Dispatcher } from "undici";
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
  /** Whether the last event has come. */
  readonly complete: boolean;
  /** Whether the provider reported a failure in the stream. */
  readonly failed: boolean;
  /** Whether an error event came. A failed answer that ends in order has none. */
  readonly errorReported: boolean;
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

class StreamedAnswer implements AnswerHandler, Resumable {
  readonly dispatch: Dispatch;
  readonly #steps: StreamSteps;
  readonly #sink: StreamSink;
  /** What is not a stream, such as an error, is kept whole. */
  #body: WholeBody | undefined;
  #written = false;
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
    if (dispatch.ended) return;
    dispatch.timer.active();
    if (this.#body === undefined) this.#pass(controller, this.#steps.push(chunk));
    else if (!this.#body.push(chunk)) dispatch.finish({ kind: "unusable", status: dispatch.status });
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { status, headers } = this.dispatch;
    if (this.dispatch.ended) return;
    if (this.#body !== undefined) {
      this.dispatch.finish({ kind: "answered", status, headers, body: this.#body.bytes() });
      return;
    }
    const steps = this.#steps;
    this.#pass(controller, steps.finish());
    if (steps.meter.complete)
      this.dispatch.finish({ kind: "streamed", status, held: steps.held(), failed: steps.meter.failed });
    else if (this.#written) this.#break("provider");
    else this.dispatch.fail(new Error("the answer ended before its first event"));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#written) this.#break("provider");
    else this.dispatch.fail(error);
  }

  onTimeLimit(limit: TimeLimit): void {
    // It is the agent that has stopped reading.
    if (limit === "idle" && this.#paused !== undefined) this.dispatch.cancel();
    else if (this.#written) this.#break("time");
    else this.dispatch.finish({ kind: "timeout" });
  }

  #pass(controller: Dispatcher.DispatchController, bytes: Buffer | undefined): void {
    if (!this.#written && this.#steps.meter.errorReported) {
      // The provider reports an error before anything was written: another target may answer.
      this.dispatch.finish({ kind: "unusable", status: this.dispatch.status });
      return;
    }
    if (bytes === undefined) return;
    this.#written = true;
    if (this.#sink.write(bytes)) return;
    this.#paused = controller;
    controller.pause();
    this.#sink.onDrain(this);
  }

  /** Part of a stream was written, and its end will not come. */
  #break(by: "provider" | "time"): void {
    this.dispatch.finish({
      kind: "broken",
      status: this.dispatch.status,
      reported: this.#steps.meter.failed,
      timedOut: by === "time",
    });
  }
}

function isEventStream(contentType: string | string[] | undefined): boolean {
  return typeof contentType === "string" && contentType.startsWith("text/event-stream");
}
