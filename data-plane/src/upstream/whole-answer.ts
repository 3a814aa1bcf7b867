/** An attempt whose answer is kept until it is whole. */
import type { Dispatcher } from "undici";
import {
  type AnswerHandler,
  type AttemptRequest,
  Dispatch,
  type ResponseHeaders,
  type RunningAttempt,
  send,
} from "./dispatch.ts";
import { WholeBody } from "./whole-body.ts";

/** Begins the call at once. */
export function startWholeAnswer(request: AttemptRequest): RunningAttempt {
  const attempt = new WholeAnswer(request);
  send(request, attempt);
  return attempt.dispatch;
}

class WholeAnswer implements AnswerHandler {
  readonly dispatch: Dispatch;
  #body: WholeBody | undefined;

  constructor(request: AttemptRequest) {
    this.dispatch = new Dispatch(request, this);
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
    if (this.dispatch.answerStarts(status, headers)) this.#body = new WholeBody(status);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const dispatch = this.dispatch;
    if (dispatch.ended || this.#body === undefined) return;
    dispatch.timer.active();
    if (!this.#body.push(chunk)) dispatch.finish({ kind: "unusable", status: dispatch.status });
  }

  onResponseEnd(): void {
    const { status, headers, ended } = this.dispatch;
    if (!ended && this.#body !== undefined)
      this.dispatch.finish({ kind: "answered", status, headers, body: this.#body.bytes() });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.dispatch.fail(error);
  }

  onTimeLimit(): void {
    this.dispatch.finish({ kind: "timeout" });
  }
}
