/** An idempotency key belongs to one call at a time, and to one body. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { providerEvents, streamAnswer } from "../../fixtures/provider-answers.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";
import {
  DIALECTS,
  exchange,
  expectRefusal,
  expectRefused,
  expectRetryAfter,
  expectStillServing,
  makeCall,
} from "./calls.ts";
import { type Gateway, startGateway } from "./gateway.ts";

const WHOLE_STREAM = {
  openai: providerEvents("openai/chat-completion.chunks.txt"),
  anthropic: providerEvents("anthropic/message.chunks.txt"),
};

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe.each(DIALECTS)("in the %s dialect", (dialect) => {
  test("row 38: the same key while its call runs is 409 with Retry-After, and does not run twice", async () => {
    const { upstream } = gateway;
    const seen = upstream.calls.length;
    const call = makeCall(gateway, { dialect, more: [`idempotency-key: running-${dialect}`] });
    const held = upstream.hold();
    using first = await openRawConnection(gateway.url);
    await first.send(call);
    await held.arrived;
    const second = await exchange(gateway, call);
    second.connection[Symbol.dispose]();
    expectRefusal(second, { dialect, code: "idempotency.in_progress", status: 409 });
    expectRetryAfter(second);
    expect(upstream.calls.length).toBe(seen + 1);
    held.release();
    expect((await first.response()).status).toBe(200);
    await expectStillServing(gateway);
  });

  test("row 38: the same key and body once more is given the first answer, and nothing runs or is charged", async () => {
    const { upstream } = gateway;
    const seen = upstream.calls.length;
    const call = makeCall(gateway, { dialect, more: [`idempotency-key: replayed-${dialect}`] });
    const answers = [];
    for (let time = 0; time < 3; time += 1) {
      const answer = await exchange(gateway, call);
      answer.connection[Symbol.dispose]();
      answers.push({ status: answer.status, body: answer.body.toString() });
      expect(answer.headers.get("idempotent-replayed")).toEqual(time === 0 ? undefined : ["true"]);
    }
    expect(answers[0]?.status).toBe(200);
    expect(answers.slice(1)).toEqual([answers[0], answers[0]]);
    expect(upstream.calls.length).toBe(seen + 1);
  });

  test("row 38: the same key and body of a stream that was complete is 409, and does not run again", async () => {
    const { upstream } = gateway;
    const more = [`idempotency-key: streamed-${dialect}`];
    const call = makeCall(gateway, { dialect, more, body: { stream: true } });
    upstream.script(streamAnswer(WHOLE_STREAM[dialect]));
    const first = await exchange(gateway, call);
    first.connection[Symbol.dispose]();
    expect(first.status).toBe(200);
    const seen = upstream.calls.length;
    const again = await exchange(gateway, call);
    again.connection[Symbol.dispose]();
    expectRefusal(again, { dialect, code: "idempotency.not_kept", status: 409 });
    expect(again.headers.get("x-should-retry")).toEqual(["false"]);
    expect(upstream.calls.length).toBe(seen);
  });

  test("row 38: a key whose call came to nothing is free for the same body", async () => {
    const { upstream } = gateway;
    const call = makeCall(gateway, { dialect, more: [`idempotency-key: failed-${dialect}`] });
    upstream.script({ status: 400, body: "{}" });
    const seen = upstream.calls.length;
    for (const status of [400, 200]) {
      const answer = await exchange(gateway, call);
      answer.connection[Symbol.dispose]();
      expect(answer.status).toBe(status);
    }
    expect(upstream.calls.length).toBe(seen + 2);
  });

  test("row 38: the same key with another body is 400, while the first runs and after it", async () => {
    const { upstream } = gateway;
    const more = [`idempotency-key: reused-${dialect}`];
    const held = upstream.hold();
    using first = await openRawConnection(gateway.url);
    await first.send(makeCall(gateway, { dialect, more }));
    await held.arrived;
    const other = makeCall(gateway, { dialect, more, body: { temperature: 1 } });
    const whileRunning = await exchange(gateway, other);
    whileRunning.connection[Symbol.dispose]();
    expectRefusal(whileRunning, { dialect, code: "idempotency.mismatch", status: 400 });
    held.release();
    expect((await first.response()).status).toBe(200);
    await expectRefused(gateway, {
      dialect,
      more,
      body: { temperature: 1 },
      code: "idempotency.mismatch",
      status: 400,
    });
  });
});

test("row 38: the same key and body at another endpoint is another call", async () => {
  const more = ["idempotency-key: of-a-chat"];
  const both = { dialect: "openai", more, body: { input: "hello" } } as const;
  const first = await exchange(gateway, makeCall(gateway, both));
  first.connection[Symbol.dispose]();
  expect(first.status).toBe(200);
  await expectRefused(gateway, {
    ...both,
    target: "/v1/embeddings",
    code: "idempotency.mismatch",
    status: 400,
  });
});
