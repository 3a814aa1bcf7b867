import fc from "fast-check";
import { expect, test } from "vitest";
import type { CallScope, CompiledBudget, CompiledLimit } from "../policy/compiled-policy.ts";
import { createBudgets } from "./budgets.ts";
import { createLimiter } from "./limiter.ts";
import { shareOf, shareOfAmount } from "./share.ts";

const SCOPE: CallScope = { kind: "model", agentId: "agt_a", labels: {}, model: "m" };
const REPLICAS = fc.integer({ min: 1, max: 200 });

test("shares add up to no more than the whole where it can be divided, and each is at least one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), REPLICAS, (max, replicas) => {
      const share = shareOf(max, replicas);
      expect(share).toBeGreaterThanOrEqual(1);
      expect(share).toBeLessThanOrEqual(max);
      if (max >= replicas) expect(share * replicas).toBeLessThanOrEqual(max);
      // And nothing is given away: one more each would be too much.
      if (replicas > 1) expect((share + 1) * replicas).toBeGreaterThan(max);
      expect(shareOfAmount(BigInt(max), replicas)).toBe(BigInt(share));
    }),
  );
  expect([shareOf(0, 3), shareOfAmount(0n, 3), shareOf(7, 1)]).toEqual([0, 0n, 7]);
});

test("replicas that agree on their number admit together no more than one limit allows, or one call each", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom("requests" as const, "tokens" as const, "concurrency" as const),
      fc.array(fc.nat(11), { maxLength: 200 }),
      (max, replicas, metric, calls) => {
        const limiters = Array.from({ length: replicas }, () => limiterAmong(() => replicas));
        let admitted = 0;
        for (const at of calls) {
          if (limiters[at % replicas]?.admit([limit(metric, max)], SCOPE, 1).ok) admitted += 1;
        }
        expect(admitted).toBeLessThanOrEqual(Math.max(max, replicas));
      },
    ),
  );
});

test("a rise of the number lets through at most the newcomers' shares beyond the limit", () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 60 }), fc.integer({ min: 2, max: 8 }), (max, after) => {
      let known = 1;
      const old = limiterAmong(() => known);
      const admit = (limiter: ReturnType<typeof limiterAmong>) =>
        limiter.admit([limit("requests", max)], SCOPE, 0).ok;
      let admitted = 0;
      while (admit(old)) admitted += 1;
      known = after;
      expect(admit(old)).toBe(false);
      for (let newcomer = 1; newcomer < after; newcomer += 1) {
        const limiter = limiterAmong(() => after);
        while (admit(limiter)) admitted += 1;
      }
      expect(admitted).toBeLessThanOrEqual(max + (after - 1) * shareOf(max, after));
    }),
  );
});

test("a call that is larger than the share and not than the limit waits for an empty counter and is paid off", () => {
  const time = { now: 0 };
  const limiter = limiterAmong(() => 10, time);
  const one = limit("tokens", 1_000);
  expect(limiter.admit([one], SCOPE, 800)).toMatchObject({ ok: true });
  expect(limiter.admit([one], SCOPE, 1)).toMatchObject({ ok: false });
  // 800 tokens at 100 a window.
  time.now += 7 * 60_000 + 59_000;
  expect(limiter.admit([one], SCOPE, 800)).toMatchObject({ ok: false });
  time.now += 1_000;
  expect(limiter.admit([one], SCOPE, 800)).toMatchObject({ ok: true });
  expect(limiter.admit([one], SCOPE, 1_001)).toMatchObject({ ok: false, retryAfterMs: undefined });
});

test("callers are told of the share: it is what the replica that answers will let through", () => {
  const limiter = limiterAmong(() => 4);
  expect(limiter.admit([limit("requests", 20)], SCOPE, 0)).toMatchObject({
    status: [{ max: 5, remaining: 4 }],
  });
  for (let call = 0; call < 4; call += 1) limiter.admit([limit("requests", 20)], SCOPE, 0);
  expect(limiter.admit([limit("requests", 20)], SCOPE, 0)).toMatchObject({
    facts: { limit: "5", spent: "5" },
  });
});

test("replicas that agree on their number spend together no more than the budget, or one call each", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 1_000n }),
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.record({ at: fc.nat(7), tokens: fc.integer({ min: 1, max: 40 }) }), { maxLength: 120 }),
      (max, replicas, calls) => {
        const all = Array.from({ length: replicas }, () => budgetsAmong(() => replicas));
        const share = shareOfAmount(max, replicas);
        let spent = 0n;
        let allowed = share * BigInt(replicas);
        for (const { at, tokens } of calls) {
          const budgets = all[at % replicas];
          const admission = budgets?.reserve([budget(max)], SCOPE, {
            tokensMaximum: tokens,
            tokensExpected: tokens,
            nanoUsdMaximum: undefined,
            nanoUsdExpected: undefined,
          });
          if (!admission?.ok) continue;
          expect(BigInt(tokens)).toBeLessThanOrEqual(max);
          if (BigInt(tokens) > share) allowed += BigInt(tokens) - share;
          spent += BigInt(tokens);
        }
        expect(spent).toBeLessThanOrEqual(allowed);
      },
    ),
  );
});

function limiterAmong(replicas: () => number, time = { now: 0 }) {
  return createLimiter({ wallMs: () => time.now, monotonicMs: () => time.now }, { replicas });
}

function budgetsAmong(replicas: () => number) {
  return createBudgets({ wallMs: () => 0, monotonicMs: () => 0 }, replicas);
}

function limit(metric: CompiledLimit["metric"], max: number): CompiledLimit {
  const common = { id: "lim_1", name: "one", max, matches: () => true, per: [] } as const;
  return metric === "concurrency" ? { ...common, metric } : { ...common, metric, windowMs: 60_000 };
}

function budget(max: bigint): CompiledBudget {
  return {
    id: "bud_1",
    name: "one",
    unit: "tokens",
    max,
    window: "month",
    hold: "maximum",
    matches: () => true,
    per: [],
  };
}
