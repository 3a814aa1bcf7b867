/** An idempotency key belongs to one call at a time, and to one body. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
