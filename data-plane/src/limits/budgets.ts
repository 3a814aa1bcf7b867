/**
 * Budgets: what was spent and what is held, per window and scope. A call is admitted while spent, held and its own
 * hold fit together; what it turns out to have used replaces its hold in the window of the hold, however late.
 *
 * Of each budget this replica spends its share, and no more than what is left of the whole. What is left is known from
 * its own counters, which its usage stream carries, and from the ledger, which has what was spent under all other
 * streams: by replicas beside it, by those before it, by its own pod before its disk was lost. The two never overlap, so
 * nothing is counted twice. What the ledger does not have yet is bounded: all replicas together overshoot a budget by at
 * most what each had spent and held when another last heard of the ledger, which is no more than its share.
 */
import { type BudgetWindow, type DenialFacts, decimalFromScaled } from "@headgate/sdk/contract";
import type { Clock } from "../lib/clock.ts";
import type { CompiledBudget } from "../policy/compiled-policy.ts";
import type { BudgetAdmission, BudgetCharge, BudgetReservation, Budgets, CallEstimate } from "./admission.ts";
import { budgetKey, keyExpiresAt, type WindowBounds, windowAt } from "./budget-window.ts";
import { scopeKey } from "./counter-key.ts";
import { shareOfAmount } from "./share.ts";

const NANO = 9;

export interface LocalBudgets extends Budgets {
  /** For metrics: counters in memory. */
  readonly size: number;
  /** What is spent of a counter under other streams than this replica's own, at least. It never falls. */
  learn(charge: BudgetCharge): void;
  /** All that was learned. */
  elsewhere(): Iterable<BudgetCharge>;
  /** What was spent up to now belongs to an earlier stream: from now on the ledger speaks of it. */
  beginStream(): void;
  /** False for the counter of a window that is long past and that no running call holds a part of. */
  keeps(key: string): boolean;
}

/** `replicas`: among how many budgets are shared now. */
export function createBudgets(clock: Clock, replicas: () => number = () => 1): LocalBudgets {
  const counters = new Map<string, Counter>();
  const windows = new Map<BudgetWindow, WindowBounds>();

  function currentWindow(window: BudgetWindow, wallMs: number): WindowBounds {
    const known = windows.get(window);
    if (known !== undefined && wallMs >= known.startMs && wallMs < known.endMs) return known;
    const bounds = windowAt(window, wallMs);
    windows.set(window, bounds);
    prune(wallMs);
    return bounds;
  }

  /** Forgets windows that are long past; asked when a new one begins, so at most a few times an hour. */
  function prune(wallMs: number): void {
    for (const [key, counter] of counters) if (isPast(counter, wallMs)) counters.delete(key);
  }

  function counterOf(key: string): Counter {
    let counter = counters.get(key);
    if (counter === undefined) {
      counter = { spent: 0n, elsewhere: 0n, held: 0n, holds: 0, expiresAt: keyExpiresAt(key) };
      counters.set(key, counter);
    }
    return counter;
  }

  return {
    get size() {
      return counters.size;
    },
    reserve(budgets, scope, estimate) {
      const wallMs = clock.wallMs();
      const holds: Hold[] = [];
      const among = replicas();
      for (const budget of budgets) {
        if (!budget.matches(scope)) continue;
        const suffix = scopeKey(budget.per, scope);
        if (suffix === undefined) return refused(budget, "access.scope_unresolved", {});
        const amount = holdFor(budget, estimate);
        if (amount === undefined) return refused(budget, "price.unknown", { unit: "usd" });
        const window = currentWindow(budget.window, wallMs);
        const key = budgetKey(budget.id, window.id, suffix);
        const counter = counters.get(key);
        const spent = counter?.spent ?? 0n;
        const held = counter?.held ?? 0n;
        const total = spent + (counter?.elsewhere ?? 0n);
        if (total + held + amount > budget.max)
          return refused(
            budget,
            "budget.exhausted",
            factsOf(budget, window, { spent: total, held, needed: amount }),
          );
        const max = shareOfAmount(budget.max, among);
        // A first call that is larger than the share, and allowed as a whole, must not wait for ever.
        if (spent + held > 0n && spent + held + amount > max)
          return refused(
            budget,
            "budget.exhausted",
            factsOf({ ...budget, max }, window, { spent, held, needed: amount }),
          );
        holds.push({ key, amount, unit: budget.unit });
      }
      if (holds.length === 0) return NO_BUDGET_APPLIES;
      for (const { key, amount } of holds) {
        const counter = counterOf(key);
        counter.held += amount;
        counter.holds += 1;
      }
      return { ok: true, reservation: new Reservation(holds) };
    },
    settle(reservation, used) {
      const charges: BudgetCharge[] = [];
      if (!(reservation instanceof Reservation) || reservation.settled) return charges;
      reservation.settled = true;
      for (const { key, amount, unit } of reservation.holds) {
        const counter = counterOf(key);
        const spent = unit === "tokens" ? BigInt(used.tokens) : (used.nanoUsd ?? amount);
        counter.held -= amount;
        counter.holds -= 1;
        counter.spent += spent;
        if (spent !== 0n) charges.push({ key, amount: spent.toString() });
      }
      return charges;
    },
    keeps(key) {
      const counter = counters.get(key);
      return counter === undefined ? keyExpiresAt(key) > clock.wallMs() : !isPast(counter, clock.wallMs());
    },
    restore({ key, amount }) {
      if (keyExpiresAt(key) > clock.wallMs()) counterOf(key).spent += BigInt(amount);
    },
    learn({ key, amount }) {
      if (keyExpiresAt(key) <= clock.wallMs()) return;
      const counter = counterOf(key);
      const spent = BigInt(amount);
      if (spent > counter.elsewhere) counter.elsewhere = spent;
    },
    *elsewhere() {
      for (const [key, { elsewhere }] of counters)
        if (elsewhere !== 0n) yield { key, amount: elsewhere.toString() };
    },
    beginStream() {
      for (const counter of counters.values()) {
        counter.elsewhere += counter.spent;
        counter.spent = 0n;
      }
    },
    *counters() {
      for (const [key, { spent }] of counters) if (spent !== 0n) yield { key, amount: spent.toString() };
    },
    inspect(key) {
      const counter = counters.get(key);
      return { spent: counter?.spent ?? 0n, held: counter?.held ?? 0n };
    },
  };
}

/** Nano-dollars or tokens. */
interface Counter {
  /** Under this replica's own stream. */
  spent: bigint;
  /** Under all others, as far as is known. */
  elsewhere: bigint;
  held: bigint;
  /** Calls that hold a part of it, be it nothing. */
  holds: number;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

function isPast({ holds, expiresAt }: Counter, wallMs: number): boolean {
  return holds === 0 && expiresAt <= wallMs;
}

interface Hold {
  readonly key: string;
  readonly amount: bigint;
  readonly unit: CompiledBudget["unit"];
}

class Reservation implements BudgetReservation {
  readonly holds: readonly Hold[];
  settled = false;

  constructor(holds: readonly Hold[]) {
    this.holds = holds;
  }
}

const NO_BUDGET_APPLIES: BudgetAdmission = { ok: true, reservation: undefined };

function holdFor({ unit, hold }: CompiledBudget, estimate: CallEstimate): bigint | undefined {
  const maximum = hold === "maximum";
  if (unit === "usd") return maximum ? estimate.nanoUsdMaximum : estimate.nanoUsdExpected;
  return BigInt(Math.ceil(maximum ? estimate.tokensMaximum : estimate.tokensExpected));
}

function refused(
  budget: CompiledBudget,
  code: "budget.exhausted" | "access.scope_unresolved" | "price.unknown",
  facts: DenialFacts,
): BudgetAdmission {
  return { ok: false, code, budgetId: budget.id, facts };
}

function factsOf(
  { max, unit }: CompiledBudget,
  window: WindowBounds,
  { spent, held, needed }: { spent: bigint; held: bigint; needed: bigint },
): DenialFacts {
  const text = (amount: bigint): string =>
    unit === "usd" ? decimalFromScaled(amount, NANO) : amount.toString();
  return {
    limit: text(max),
    spent: text(spent),
    held: text(held),
    needed: text(needed),
    unit,
    window: window.id,
    ...(Number.isFinite(window.endMs) && { resets_at: new Date(window.endMs).toISOString() }),
  };
}
