import { DEFAULT_TIMEOUTS } from "@headgate/sdk/contract";
import type { Dispatcher } from "undici";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startWholeAnswer } from "./whole-answer.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const IDLE_MS = 1_000;

/** An attempt whose provider has just begun an answer that is not a stream; the test sends the rest. */
function beginAnswer() {
  let handler: Dispatcher.DispatchHandler | undefined;
  const pool = {
    dispatch(_options: unknown, given: Dispatcher.DispatchHandler) {
      handler = given;
      return true;
    },
  };
  const call = startWholeAnswer({
    pool: pool as unknown as Dispatcher,
    method: "POST",
    path: "/chat/completions",
    headers: [],
    body: Buffer.from("{}"),
    timeouts: { ...DEFAULT_TIMEOUTS, idle_ms: IDLE_MS, total_ms: 10 * IDLE_MS },
    clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
  });
  const controller = { abort: vi.fn() } as unknown as Dispatcher.DispatchController;
  handler?.onRequestStart?.(controller, {});
  handler?.onResponseStart?.(controller, 200, { "content-type": "application/json" }, "OK");
  return {
    call,
    send: (text: string) => handler?.onResponseData?.(controller, Buffer.from(text)),
    finish: () => handler?.onResponseEnd?.(controller, {}),
  };
}

test("an answer that comes slowly is not idle, however long it takes within its total time", async () => {
  const { call, send, finish } = beginAnswer();
  for (const piece of ["{", '"a"', ":", "1", "}"]) {
    vi.advanceTimersByTime(IDLE_MS - 100);
    send(piece);
  }
  finish();
  expect(await call.end).toMatchObject({ kind: "answered", body: Buffer.from('{"a":1}') });
});

test("an answer that stops coming is given up after the idle time", async () => {
  const { call, send } = beginAnswer();
  send("{");
  vi.advanceTimersByTime(IDLE_MS + 10);
  expect(await call.end).toMatchObject({ kind: "timeout" });
});
