/**
 * Rate limits by the generic cell rate algorithm (GCRA, ITU-T I.371): a counter is one moment, the one at which it
 * will be empty again. A call of `n` units moves it by `n` intervals and conforms while it stays within one window
 * of now; so a whole window may be used at once, and is then regained evenly. Only monotonic time is used for that.
 * Of each limit this replica keeps its share.
 */
import type { DenialFacts } from "@headgate/sdk/contract";
import type { Clock } from "../lib/clock.ts";
import type { CompiledLimit } from "../policy/compiled-policy.ts";
import type { LimitAdmission, Limiter, LimitReservation, LimitStatus } from "./admission.ts";
import { scopeKey } from "./counter-key.ts";
import { shareOf } from "./share.ts";

const COUNTERS_MAX = 500_000;
/** How many calls share one look for counters to remove, and how many are looked at: more than they can add. */
const SWEEP_CALLS = 64;
const SWEEP_STEPS = 512;
/** When a place among the calls at once becomes free is not known. */
const CONCURRENCY_RETRY_MS = 1_000;
/** Sums of intervals are off by rounding; a unit that is due must not be refused for that. */
const TOLERANCE = 1e-9;

export interface LimiterOptions {
  /** Counters in memory. A scope that would need one more is refused: a limit that cannot be kept fails closed. */
  readonly countersMax?: number;
  /** Among how many replicas limits are shared now; 1 when absent. */
  readonly replicas?: () => number;
}

export interface LocalLimiter extends Limiter {
  /** For metrics: counters in memory. */
  readonly size: number;
}

export function createLimiter(clock: Clock, options: LimiterOptions = {}): LocalLimiter {
  const { countersMax = COUNTERS_MAX, replicas = () => 1 } = options;
  const counters = new Map<string, Counter>();
  let sweep = counters.entries();
  let calls = 0;

  /** Forgets a few counters that say nothing any more. */
  function sweepSome(now: number): void {
    for (let step = 0; step < SWEEP_STEPS; step += 1) {
      const next = sweep.next();
      if (next.done) {
        sweep = counters.entries();
        return;
      }
      const [key, counter] = next.value;
      if (counter.inFlight === 0 && counter.emptyAt <= now) counters.delete(key);
    }
  }

  return {
    get size() {
      return counters.size;
    },
    admit(limits, scope, tokensEstimated) {
      const now = clock.monotonicMs();
      calls += 1;
      if (calls % SWEEP_CALLS === 0) sweepSome(now);
      const takes: Take[] = [];
      const among = replicas();
      let refused: Refusal | undefined;
      for (const limit of limits) {
        if (!limit.matches(scope)) continue;
        const suffix = scopeKey(limit.per, scope);
        if (suffix === undefined) return unresolved(limit);
        const key = `${limit.id}:${suffix}`;
        const counter = counters.get(key) ?? newCounter(now);
        const take = prepare({ limit, max: shareOf(limit.max, among), key, counter }, now, tokensEstimated);
        takes.push(take);
        const wait = waitFor(take, now);
        if (wait > 0 && wait > (refused?.wait ?? 0)) refused = { take, wait };
      }
      if (takes.length === 0) return NO_LIMIT_APPLIES;
      let added = 0;
      for (const { key } of takes) if (!counters.has(key)) added += 1;
      const [first] = takes;
      if (refused === undefined && added > 0 && counters.size + added > countersMax && first !== undefined)
        refused = { take: first, wait: CONCURRENCY_RETRY_MS };
      if (refused !== undefined) return denied(refused, takes, { now, wallMs: clock.wallMs() });

      for (const { limit, key, counter, units, intervalMs } of takes) {
        counter.inFlight += 1;
        if (limit.metric !== "concurrency") {
          counter.emptyAt = Math.max(counter.emptyAt, now) + units * intervalMs;
          counter.intervalMs = intervalMs;
        }
        if (added > 0) counters.set(key, counter);
      }
      return { ok: true, reservation: new Reservation(tokensEstimated, takes), status: statusOf(takes, now) };
    },
    settle(reservation, tokensUsed) {
      if (!(reservation instanceof Reservation) || reservation.settled) return;
      reservation.settled = true;
      for (const { limit, counter } of reservation.takes) {
        counter.inFlight -= 1;
        // Less was used: the counter empties sooner. More: it goes into debt, which later calls wait for.
        if (limit.metric === "tokens")
          counter.emptyAt += (tokensUsed - reservation.tokensHeld) * counter.intervalMs;
      }
    },
  };
}

interface Counter {
  /** Monotonic milliseconds. */
  emptyAt: number;
  /** Milliseconds to regain one unit, as it was when the counter was last moved. */
  intervalMs: number;
  /** Calls that are running and were counted here. */
  inFlight: number;
}

/** What one call takes from one counter. */
interface Take {
  readonly limit: CompiledLimit;
  /** This replica's share of the limit. */
  readonly max: number;
  readonly key: string;
  readonly counter: Counter;
  readonly units: number;
  readonly intervalMs: number;
}

interface Refusal {
  readonly take: Take;
  /** Milliseconds; infinite when waiting does not help. */
  readonly wait: number;
}

class Reservation implements LimitReservation {
  readonly tokensHeld: number;
  readonly takes: readonly Take[];
  settled = false;

  constructor(tokensHeld: number, takes: readonly Take[]) {
    this.tokensHeld = tokensHeld;
    this.takes = takes;
  }
}

const NO_LIMIT_APPLIES: LimitAdmission = { ok: true, reservation: undefined, status: [] };

function newCounter(now: number): Counter {
  return { emptyAt: now, intervalMs: 0, inFlight: 0 };
}

function prepare(part: Pick<Take, "limit" | "max" | "key" | "counter">, now: number, tokens: number): Take {
  const { limit, max, counter } = part;
  if (limit.metric === "concurrency") return { ...part, units: 1, intervalMs: 0 };
  const intervalMs = limit.windowMs / max;
  if (counter.intervalMs !== intervalMs && counter.intervalMs > 0) {
    // The limit or its share was changed: what was used stays used, in units.
    counter.emptyAt = now + (Math.max(0, counter.emptyAt - now) / counter.intervalMs) * intervalMs;
    counter.intervalMs = intervalMs;
  }
  return { ...part, units: limit.metric === "requests" ? 1 : tokens, intervalMs };
}

/** Milliseconds until the counter would take the call; 0 for now. */
function waitFor({ limit, max, counter, units, intervalMs }: Take, now: number): number {
  if (limit.metric === "concurrency") return counter.inFlight < max ? 0 : CONCURRENCY_RETRY_MS;
  if (units > limit.max) return Number.POSITIVE_INFINITY;
  // What is allowed as a whole and larger than the share waits for an empty counter, and is paid off after it.
  const room = Math.min(units, max) * intervalMs;
  const excess = Math.max(counter.emptyAt, now) + room - now - limit.windowMs;
  return excess <= limit.windowMs * TOLERANCE ? 0 : excess;
}

/** The tightest limit of each metric. */
function statusOf(takes: readonly Take[], now: number): LimitStatus[] {
  const status: LimitStatus[] = [];
  for (const { limit, max, counter, intervalMs } of takes) {
    if (limit.metric === "concurrency") continue;
    const resetMs = Math.max(0, counter.emptyAt - now);
    const left = Math.floor((limit.windowMs - resetMs) / intervalMs + TOLERANCE * max);
    const remaining = Math.max(0, Math.min(max, left));
    const index = status.findIndex((one) => one.metric === limit.metric);
    const other = status[index];
    if (other === undefined) status.push({ metric: limit.metric, max, remaining, resetMs });
    else if (remaining < other.remaining) status[index] = { metric: limit.metric, max, remaining, resetMs };
  }
  return status;
}

function denied(
  { take, wait }: Refusal,
  takes: readonly Take[],
  { now, wallMs }: { now: number; wallMs: number },
): LimitAdmission {
  const { limit } = take;
  return {
    ok: false,
    code: `limit.${limit.metric}`,
    limitId: limit.id,
    retryAfterMs: Number.isFinite(wait) ? wait : undefined,
    status: statusOf(takes, now),
    facts: factsOf(take, now, wallMs),
  };
}

function factsOf({ limit, max, counter, intervalMs }: Take, now: number, wallMs: number): DenialFacts {
  if (limit.metric === "concurrency")
    return { limit: String(max), spent: String(counter.inFlight), unit: "calls" };
  const resetMs = Math.max(0, counter.emptyAt - now);
  return {
    limit: String(max),
    spent: String(Math.ceil(resetMs / intervalMs - TOLERANCE * max)),
    unit: limit.metric,
    window: `${limit.windowMs / 1_000}s`,
    resets_at: new Date(wallMs + resetMs).toISOString(),
  };
}

function unresolved(limit: CompiledLimit): LimitAdmission {
  return {
    ok: false,
    code: "access.scope_unresolved",
    limitId: limit.id,
    retryAfterMs: undefined,
    status: [],
    facts: {},
  };
}
