/** What policy refuses: models, parameters, limits and budgets, each with what the caller needs to mend it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRawConnection } from "../../harness/raw-connection.ts";
import {
  DIALECTS,
  exchange,
  expectRefusal,
  expectRefused,
  expectRetryAfter,
  expectStillServing,
  header,
  makeCall,
} from "./calls.ts";
import { type Gateway, startGateway } from "./gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe.each(DIALECTS)("in the %s dialect", (dialect) => {
  test("row 26: a model that does not exist and one that is hidden get the same 404", async () => {
    const code = "model.not_found";
    const unknown = await expectRefused(gateway, {
      dialect,
      body: { model: "no-such-model" },
      code,
      status: 404,
    });
    const hidden = await expectRefused(gateway, { dialect, situation: "hidden", code, status: 404 });
    expect({ ...hidden.error, decision_id: 0, message: unnamed(hidden.error.message) }).toEqual({
      ...unknown.error,
      decision_id: 0,
      message: unnamed(unknown.error.message),
    });
    expect(hidden.error.message).not.toContain("hidden");
  });

  test("row 26: a model of the other dialect is refused and not forwarded", async () => {
    const other = dialect === "openai" ? "anthropic" : "openai";
    await expectRefused(gateway, {
      dialect,
      body: { model: `open-${other}` },
      code: "model.wrong_dialect",
      status: 400,
    });
  });

  test("row 27: a model that a rule denies is 403 and names the rule by name and id", async () => {
    const { error } = await expectRefused(gateway, {
      dialect,
      situation: "denied",
      code: "access.denied",
      status: 403,
    });
    expect(error.policy_id).toBe(gateway.policyIds.deny);
    expect(error.policy_name).toBe("denied");
    expect(error.message).toContain(`policy rule 'denied' (${gateway.policyIds.deny})`);
  });

  const badParameters: readonly (readonly [name: string, value: unknown])[] = [
    ["stream", "yes"],
    ["stream", 1],
    ["max_tokens", -1],
    ["max_tokens", 0],
    ["max_tokens", 1e12],
    ["max_tokens", 1.5],
    ["max_tokens", "16"],
    ["model", 7],
    ["model", ""],
    ...(dialect === "openai"
      ? ([
          ["n", 1e9],
          ["n", 0],
          ["max_completion_tokens", -1],
          ["max_completion_tokens", 1e12],
          ["stream_options", "usage"],
        ] as const)
      : []),
  ];
  test.each(badParameters)("row 28: %s of %j is 400 and named", async (name, value) => {
    const { error } = await expectRefused(gateway, {
      dialect,
      body: { [name]: value },
      code: "request.invalid_parameter",
      status: 400,
    });
    expect(error.message).toContain(name);
    if (dialect === "openai") expect(error.param).toBe(name);
  });

  test("row 29: over the limit of requests is 429 with a bounded Retry-After and the limit's state", async () => {
    const admitted = await exchange(gateway, makeCall(gateway, { dialect, situation: "request-limited" }));
    admitted.connection[Symbol.dispose]();
    expect(admitted.status).toBe(200);
    const { response } = await expectRefused(gateway, {
      dialect,
      situation: "request-limited",
      code: "limit.requests",
      status: 429,
    });
    expectRetryAfter(response);
    const [limit, remaining, reset] = rateLimitHeaders("requests");
    expect(header(response, limit)).toBe("1");
    expect(header(response, remaining)).toBe("0");
    expect(header(response, reset)).toBeDefined();
  });

  test("row 29: over the limit of tokens is 429 with a bounded Retry-After and the limit's state", async () => {
    const { response } = await expectRefused(gateway, {
      dialect,
      situation: "token-limited",
      code: "limit.tokens",
      status: 429,
    });
    expectRetryAfter(response);
    const [limit, remaining] = rateLimitHeaders("tokens");
    expect(header(response, limit)).toBe("1");
    expect(Number(header(response, remaining))).toBeLessThanOrEqual(1);
  });

  test("row 29: over the limit of calls at once is 429 until the first has ended", async () => {
    const { upstream } = gateway;
    const seen = upstream.calls.length;
    const held = upstream.hold();
    using first = await openRawConnection(gateway.url);
    await first.send(makeCall(gateway, { dialect, situation: "single-file" }));
    await held.arrived;
    const refused = await exchange(gateway, makeCall(gateway, { dialect, situation: "single-file" }));
    refused.connection[Symbol.dispose]();
    expectRefusal(refused, { dialect, code: "limit.concurrency", status: 429 });
    expectRetryAfter(refused);
    expect(upstream.calls.length).toBe(seen + 1);
    held.release();
    expect((await first.response()).status).toBe(200);
    const after = await exchange(gateway, makeCall(gateway, { dialect, situation: "single-file" }));
    after.connection[Symbol.dispose]();
    expect(after.status).toBe(200);
    await expectStillServing(gateway);
  });

  test("row 30: a spent budget is final for SDKs and says what was spent, held, allowed, and until when", async () => {
    const { response, error } = await expectRefused(gateway, {
      dialect,
      situation: "budgeted",
      code: "budget.exhausted",
      status: dialect === "openai" ? 429 : 402,
    });
    expect(header(response, "x-should-retry")).toBe("false");
    expect(response.headers.has("retry-after")).toBe(false);
    expect(error.type).toBe(dialect === "openai" ? "insufficient_quota" : "billing_error");
    expect(error.facts).toMatchObject({ limit: "0.000000001", spent: "0", held: "0", unit: "usd" });
    const resetsAt = Date.parse(error.facts?.["resets_at"] ?? "");
    expect(resetsAt).toBeGreaterThan(Date.now());
    expect(new Date(resetsAt).getUTCDate()).toBe(1);
  });

  function rateLimitHeaders(
    metric: "requests" | "tokens",
  ): [limit: string, remaining: string, reset: string] {
    return dialect === "openai"
      ? [`x-ratelimit-limit-${metric}`, `x-ratelimit-remaining-${metric}`, `x-ratelimit-reset-${metric}`]
      : [
          `anthropic-ratelimit-${metric}-limit`,
          `anthropic-ratelimit-${metric}-remaining`,
          `anthropic-ratelimit-${metric}-reset`,
        ];
  }
});

/** Messages may name their decision, which differs from call to call. */
function unnamed(message: string): string {
  return message.replace(/dec_[0-9a-z]{26}/, "dec");
}
