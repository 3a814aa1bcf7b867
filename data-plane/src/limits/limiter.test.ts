import type { Id } from "@headgate/sdk/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallScope, CompiledLimit } from "../policy/compiled-policy.ts";
import type { LimitReservation } from "./admission.ts";
import { createLimiter } from "./limiter.ts";

type RateLimit = Extract<CompiledLimit, { metric: "requests" | "tokens" }>;

const AGENT: CallScope = { kind: "model", agentId: "agt_a", labels: { team: "blue" }, model: "m" };

function rate(overrides: Partial<RateLimit> = {}): RateLimit {
  return {
    id: "lim_1",
    name: "one",
    metric: "requests",
    max: 3,
    windowMs: 60_000,
    matches: () => true,
    per: [],
    ...overrides,
  };
}

function concurrency(max: number, id: Id<"limit"> = "lim_c"): CompiledLimit {
  return { id, name: "c", metric: "concurrency", max, matches: () => true, per: [] };
}

function setUp(countersMax?: number) {
  const time = { monotonic: 1_000, wall: Date.UTC(2026, 10, 21) };
  const clock = { wallMs: () => time.wall, monotonicMs: () => time.monotonic };
  return { time, limiter: createLimiter(clock, countersMax === undefined ? {} : { countersMax }) };
}

describe("rate limits", () => {
  it("admits a whole window at once, then says when the next call fits, and keeps its word", () => {
    const { time, limiter } = setUp();
    for (let remaining = 2; remaining >= 0; remaining -= 1)
      expect(limiter.admit([rate()], AGENT, 0)).toMatchObject({ ok: true, status: [{ max: 3, remaining }] });
    const denied = limiter.admit([rate()], AGENT, 0);
    expect(denied).toMatchObject({
      ok: false,
      code: "limit.requests",
      limitId: "lim_1",
      retryAfterMs: 20_000,
      facts: {
        limit: "3",
        spent: "3",
        unit: "requests",
        window: "60s",
        resets_at: "2026-11-21T00:01:00.000Z",
      },
    });
    time.monotonic += 19_999;
    expect(limiter.admit([rate()], AGENT, 0).ok).toBe(false);
    time.monotonic += 1;
    expect(limiter.admit([rate()], AGENT, 0).ok).toBe(true);
    expect(limiter.admit([rate()], AGENT, 0).ok).toBe(false);
  });

  it("decides as a leaky bucket does, in exact arithmetic", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(1_000, 7_000, 60_000),
        fc.array(
          fc.record({ wait: fc.nat(5_000), tokens: fc.integer({ min: 1, max: 60 }), used: fc.nat(60) }),
          {
            maxLength: 80,
          },
        ),
        (max, windowMs, calls) => {
          const { time, limiter } = setUp();
          const limit = rate({ metric: "tokens", max, windowMs });
          // The level in units of 1 / windowMs, so that every step is a whole number; it may not fall below 0.
          let level = 0n;
          for (const { wait, tokens, used } of calls) {
            time.monotonic += wait;
            const drained = BigInt(wait) * BigInt(max);
            level = level > drained ? level - drained : 0n;
            const fits = level + BigInt(tokens) * BigInt(windowMs) <= BigInt(max) * BigInt(windowMs);
            const admission = limiter.admit([limit], AGENT, tokens);
            expect(admission.ok).toBe(fits);
            if (!admission.ok || admission.reservation === undefined) continue;
            limiter.settle(admission.reservation, used);
            level += BigInt(used) * BigInt(windowMs);
          }
        },
      ),
    );
  });

  it("takes from every limit or from none", () => {
    const { limiter } = setUp();
    const wide = rate({ id: "lim_w", max: 10 });
    const narrow = rate({ id: "lim_n", max: 1 });
    const gate = concurrency(5);
    expect(limiter.admit([wide, gate, narrow], AGENT, 0).ok).toBe(true);
    for (let count = 0; count < 20; count += 1)
      expect(limiter.admit([wide, gate, narrow], AGENT, 0)).toMatchObject({ ok: false, limitId: "lim_n" });
    expect(limiter.admit([wide], AGENT, 0)).toMatchObject({ ok: true, status: [{ remaining: 8 }] });
    for (let count = 0; count < 4; count += 1) expect(limiter.admit([gate], AGENT, 0).ok).toBe(true);
    expect(limiter.admit([gate], AGENT, 0).ok).toBe(false);
  });

  it("corrects tokens to what was used, into debt where it was more, and only once", () => {
    const { time, limiter } = setUp();
    const limit = rate({ metric: "tokens", max: 100 });
    const first = limiter.admit([limit], AGENT, 80);
    if (!first.ok || first.reservation === undefined) throw new Error("denied");
    limiter.settle(first.reservation, 10);
    limiter.settle(first.reservation, 0);
    const second = limiter.admit([limit], AGENT, 90);
    if (!second.ok || second.reservation === undefined) throw new Error("denied");
    limiter.settle(second.reservation, 190);
    expect(limiter.admit([limit], AGENT, 1)).toMatchObject({ ok: false, retryAfterMs: 60_000 + 600 });
    time.monotonic += 60_600;
    expect(limiter.admit([limit], AGENT, 1).ok).toBe(true);
  });

  it("refuses a call that no wait can make fit, and says so by naming no wait", () => {
    const { limiter } = setUp();
    const limit = rate({ metric: "tokens", max: 100 });
    expect(limiter.admit([limit, concurrency(1)], AGENT, 101)).toMatchObject({
      ok: false,
      code: "limit.tokens",
      retryAfterMs: undefined,
      facts: { limit: "100", unit: "tokens" },
    });
    expect(limiter.admit([limit], AGENT, 100).ok).toBe(true);
  });

  it("does not refill when the wall clock is set", () => {
    const { time, limiter } = setUp();
    for (let count = 0; count < 3; count += 1) limiter.admit([rate()], AGENT, 0);
    time.wall += 10 * 86_400_000;
    expect(limiter.admit([rate()], AGENT, 0).ok).toBe(false);
  });

  it("keeps what was used when the limit is changed", () => {
    const { time, limiter } = setUp();
    for (let count = 0; count < 3; count += 1) limiter.admit([rate()], AGENT, 0);
    const wider = rate({ max: 6, windowMs: 6_000 });
    expect(limiter.admit([wider], AGENT, 0)).toMatchObject({ ok: true, status: [{ remaining: 2 }] });
    time.monotonic += 6_000;
    expect(limiter.admit([wider], AGENT, 0)).toMatchObject({ ok: true, status: [{ remaining: 5 }] });
  });
});

describe("counters", () => {
  it("are apart for each scope, also for labels that look like two", () => {
    const { limiter } = setUp();
    const limit = rate({ max: 1, per: ["team", "model"] });
    const scopes: CallScope[] = [
      { ...AGENT, labels: { team: "a:model=b" }, model: "c" },
      { ...AGENT, labels: { team: "a" }, model: "b:model=c" },
      { ...AGENT, labels: { team: "a%3Amodel=b" }, model: "c" },
      { ...AGENT, labels: { team: "a" }, model: "b" },
    ];
    for (const scope of scopes) {
      expect(limiter.admit([limit], scope, 0).ok).toBe(true);
      expect(limiter.admit([limit], scope, 0).ok).toBe(false);
    }
    expect(limiter.size).toBe(4);
  });

  it("fail closed for an agent without the label that names them", () => {
    const { limiter } = setUp();
    expect(limiter.admit([rate({ per: ["cost_center"] })], AGENT, 0)).toMatchObject({
      ok: false,
      code: "access.scope_unresolved",
      retryAfterMs: undefined,
    });
    expect(limiter.admit([rate({ per: ["cost_center"], matches: () => false })], AGENT, 0)).toEqual({
      ok: true,
      reservation: undefined,
      status: [],
    });
  });

  it("are forgotten once empty, but not under a running call", () => {
    const { time, limiter } = setUp();
    const limit = rate({ metric: "tokens", max: 10, per: ["agent"] });
    const call = (agentId: Id<"agent">): LimitReservation => {
      const admission = limiter.admit([limit], { ...AGENT, agentId }, 10);
      if (!admission.ok || admission.reservation === undefined) throw new Error("denied");
      return admission.reservation;
    };
    const running = call("agt_running");
    for (let count = 0; count < 1_000; count += 1) limiter.settle(call(`agt_${count}`), 10);
    time.monotonic += 120_000;
    for (let count = 0; count < 400; count += 1) limiter.admit([limit], { ...AGENT, agentId: "agt_x" }, 1);
    expect(limiter.size).toBe(2);
    limiter.settle(running, 40);
    expect(limiter.admit([limit], { ...AGENT, agentId: "agt_running" }, 1).ok).toBe(false);
  });

  it("never number more than they may; what cannot be counted is refused", () => {
    const { limiter } = setUp(3);
    const limit = rate({ per: ["agent"] });
    const admitted = Array.from(
      { length: 5 },
      (_, index) => limiter.admit([limit], { ...AGENT, agentId: `agt_${index}` }, 0).ok,
    );
    expect(admitted).toEqual([true, true, true, false, false]);
    expect(limiter.size).toBe(3);
  });
});

describe("concurrency limits", () => {
  it("hold at any order of calls, and are free again when all have settled", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.option(fc.nat(20))), (max, steps) => {
        const { limiter } = setUp();
        const running: LimitReservation[] = [];
        for (const step of steps) {
          if (step === null) {
            const admission = limiter.admit([concurrency(max)], AGENT, 0);
            expect(admission.ok).toBe(running.length < max);
            if (admission.ok && admission.reservation !== undefined) running.push(admission.reservation);
          } else {
            const [ended] = running.splice(step % Math.max(1, running.length), 1);
            if (ended === undefined) continue;
            limiter.settle(ended, 0);
            limiter.settle(ended, 0);
          }
        }
        for (const ended of running) limiter.settle(ended, 0);
        for (let count = 0; count < max; count += 1)
          expect(limiter.admit([concurrency(max)], AGENT, 0).ok).toBe(true);
        expect(limiter.admit([concurrency(max)], AGENT, 0)).toMatchObject({
          ok: false,
          code: "limit.concurrency",
        });
      }),
    );
  });
});
