import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallScope, CompiledBudget } from "../policy/compiled-policy.ts";
import type { BudgetReservation, CallEstimate } from "./admission.ts";
import { createBudgets } from "./budgets.ts";

const SCOPE: CallScope = { kind: "model", agentId: "agt_a", labels: { team: "a:b" }, model: "m" };
const NOON = Date.UTC(2026, 10, 21, 12);

function budget(overrides: Partial<CompiledBudget> = {}): CompiledBudget {
  return {
    id: "bud_1",
    name: "one",
    unit: "tokens",
    max: 100n,
    window: "month",
    hold: "maximum",
    matches: () => true,
    per: [],
    ...overrides,
  };
}

function estimate(tokens: number, nanoUsd?: bigint): CallEstimate {
  return {
    tokensMaximum: tokens,
    tokensExpected: Math.floor(tokens / 2),
    nanoUsdMaximum: nanoUsd,
    nanoUsdExpected: nanoUsd === undefined ? undefined : nanoUsd / 2n,
  };
}

function setUp(now = NOON) {
  const time = { now };
  const budgets = createBudgets({ wallMs: () => time.now, monotonicMs: () => 0 });
  const reserve = (one: CompiledBudget, tokens: number, nanoUsd?: bigint): BudgetReservation => {
    const admission = budgets.reserve([one], SCOPE, estimate(tokens, nanoUsd));
    if (!admission.ok || admission.reservation === undefined) throw new Error("denied");
    return admission.reservation;
  };
  return { time, budgets, reserve };
}

describe("budgets", () => {
  it("never let spent and held pass the maximum at admission, nor lose or leak a hold", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("reserve" as const), tokens: fc.nat(60), wait: fc.nat(40 * 60_000) }),
      fc.record({ kind: fc.constant("settle" as const), which: fc.nat(50), used: fc.nat(80) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const { time, budgets } = setUp();
        const all = [
          budget({ window: "hour" }),
          budget({ id: "bud_2", window: "day", max: 250n, hold: "expected", per: ["team"] }),
          budget({ id: "bud_3", window: "total", unit: "usd", max: 9_000n }),
        ];
        const running: BudgetReservation[] = [];
        const keys = new Set<string>();
        const charged = new Map<string, bigint>();
        for (const one of steps) {
          if (one.kind === "reserve") {
            time.now += one.wait;
            const admission = budgets.reserve(all, SCOPE, estimate(one.tokens, BigInt(one.tokens) * 10n));
            if (!admission.ok || admission.reservation === undefined) continue;
            running.push(admission.reservation);
            for (const [index, { key }] of admission.reservation.holds.entries()) {
              keys.add(key);
              const { spent, held } = budgets.inspect(key);
              expect(spent + held).toBeLessThanOrEqual(all[index]?.max ?? 0n);
            }
          } else {
            const [ended] = running.splice(one.which % Math.max(1, running.length), 1);
            if (ended === undefined) continue;
            for (const { key, amount } of budgets.settle(ended, {
              tokens: one.used,
              nanoUsd: BigInt(one.used) * 10n,
            }))
              charged.set(key, (charged.get(key) ?? 0n) + BigInt(amount));
            expect(budgets.settle(ended, { tokens: 1, nanoUsd: 1n })).toEqual([]);
          }
          for (const key of keys) {
            const { spent, held } = budgets.inspect(key);
            expect(spent >= 0n && held >= 0n).toBe(true);
          }
        }
        for (const ended of running) budgets.settle(ended, { tokens: 0, nanoUsd: 0n });
        for (const key of keys) expect(budgets.inspect(key).held).toBe(0n);
        for (const { key, amount } of budgets.counters()) expect(BigInt(amount)).toBe(charged.get(key));
      }),
    );
  });

  it("name their counters by budget, UTC window and scope", () => {
    const { budgets, reserve } = setUp();
    const ends = { hour: "2026-11-21T12", day: "2026-11-21", month: "2026-11", total: "total" } as const;
    for (const [window, id] of Object.entries(ends)) {
      const one = budget({ window: window as keyof typeof ends, per: ["team", "agent"] });
      const reservation = reserve(one, 10);
      expect(reservation.holds[0]?.key).toBe(`budget:bud_1:${id}:team=a%3Ab:agent=agt_a`);
      expect(budgets.settle(reservation, { tokens: 7, nanoUsd: 0n })).toEqual([
        { key: `budget:bud_1:${id}:team=a%3Ab:agent=agt_a`, amount: "7" },
      ]);
    }
  });

  it("begin a new window at the boundary, while late settles land in the window of their hold", () => {
    const { time, budgets, reserve } = setUp(Date.UTC(2026, 11, 1) - 1);
    const late = reserve(budget(), 100);
    expect(budgets.reserve([budget()], SCOPE, estimate(1)).ok).toBe(false);
    time.now += 1;
    const next = reserve(budget(), 100);
    expect(budgets.settle(late, { tokens: 130, nanoUsd: undefined })).toEqual([
      { key: "budget:bud_1:2026-11:", amount: "130" },
    ]);
    expect(budgets.inspect("budget:bud_1:2026-12:")).toEqual({ spent: 0n, held: 100n });
    budgets.settle(next, { tokens: 0, nanoUsd: undefined });
  });

  it("tell a refused caller the figures, in dollars as decimals", () => {
    const { budgets, reserve } = setUp();
    const usd = budget({ unit: "usd", max: 2_500_000_000n, window: "day" });
    budgets.settle(reserve(usd, 0, 1_000_000_000n), { tokens: 0, nanoUsd: 1_000_000_001n });
    reserve(usd, 0, 1_400_000_000n);
    expect(budgets.reserve([usd], SCOPE, estimate(0, 100_000_000n))).toEqual({
      ok: false,
      code: "budget.exhausted",
      budgetId: "bud_1",
      facts: {
        limit: "2.5",
        spent: "1.000000001",
        held: "1.4",
        needed: "0.1",
        unit: "usd",
        window: "2026-11-21",
        resets_at: "2026-11-22T00:00:00.000Z",
      },
    });
  });

  it("fail closed without a price or a label, and hold nothing then", () => {
    const { budgets } = setUp();
    const tokens = budget();
    const usd = budget({ id: "bud_2", unit: "usd" });
    const labelled = budget({ id: "bud_3", per: ["cost_center"] });
    expect(budgets.reserve([tokens, usd], SCOPE, estimate(5))).toMatchObject({
      ok: false,
      code: "price.unknown",
    });
    expect(budgets.reserve([tokens, labelled], SCOPE, estimate(5))).toMatchObject({
      ok: false,
      code: "access.scope_unresolved",
      budgetId: "bud_3",
    });
    expect(budgets.size).toBe(0);
  });

  it("charge what was held where the price became unknown during the call", () => {
    const { budgets, reserve } = setUp();
    const reservation = reserve(budget({ unit: "usd", hold: "expected" }), 0, 80n);
    expect(budgets.settle(reservation, { tokens: 9, nanoUsd: undefined })).toMatchObject([{ amount: "40" }]);
  });

  it("restore what was charged before", () => {
    const { budgets } = setUp();
    budgets.restore({ key: "budget:bud_1:2026-11:", amount: "60" });
    budgets.restore({ key: "budget:bud_1:2026-11:", amount: "40" });
    budgets.restore({ key: "budget:bud_1:2026-01:", amount: "5" });
    expect([...budgets.counters()]).toEqual([{ key: "budget:bud_1:2026-11:", amount: "100" }]);
    expect(budgets.reserve([budget()], SCOPE, estimate(1)).ok).toBe(false);
  });

  it("forget a window two windows after its end, but not while a call still holds a part of it", () => {
    const { time, budgets, reserve } = setUp();
    const hourly = budget({ window: "hour" });
    const running = reserve(hourly, 0);
    budgets.settle(reserve(budget({ id: "bud_2", window: "hour" }), 5), { tokens: 5, nanoUsd: undefined });
    time.now += 2 * 3_600_000;
    budgets.settle(reserve(hourly, 1), { tokens: 1, nanoUsd: undefined });
    expect(budgets.size).toBe(3);
    expect(budgets.keeps("budget:bud_2:2026-11-21T12:")).toBe(true);
    time.now += 3_600_000;
    budgets.settle(reserve(hourly, 1), { tokens: 1, nanoUsd: undefined });
    expect(budgets.inspect("budget:bud_2:2026-11-21T12:").spent).toBe(0n);
    expect(budgets.keeps("budget:bud_2:2026-11-21T12:")).toBe(false);
    expect(budgets.settle(running, { tokens: 3, nanoUsd: undefined })).toEqual([
      { key: "budget:bud_1:2026-11-21T12:", amount: "3" },
    ]);
  });
});
