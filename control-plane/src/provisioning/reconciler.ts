/**
 * Brings data planes to what their rows want. It is level-triggered: each pass compares what is wanted with what is
 * seen, so a pass that was missed, cut short or done twice does no harm. A row is worked on under its lease, and what
 * came of it is written only while that holds. Where work goes on after a pass, the lease is kept until it has ended.
 */

import { type Backoff, backoffMs } from "@headgate/sdk/backoff";
import { type Id, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import type { Logger } from "pino";
import type { Observation } from "../data-planes/status.ts";
import { conditionsOf, stateOf } from "../data-planes/status.ts";
import type { Database } from "../db/client.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import { shareOf } from "../lib/share-of.ts";
import type { ProvisioningMetrics } from "./metrics.ts";
import { ABSENT, type Provisioner, STOPPED } from "./provisioner.ts";
import {
  type Claim,
  type ClaimOptions,
  claimNext,
  countByState,
  holdersBeside,
  type Lease,
  makeAllDue,
  nextDueAt,
  type Outcome,
  readClaim,
  releaseLease,
  settleClaim,
} from "./repository.ts";

export type IssueJoinToken = (target: {
  tenantId: Id<"tenant">;
  dataPlaneId: Id<"dataPlane">;
}) => Promise<string>;

export interface ReconcilerOptions {
  readonly db: Database;
  readonly provisioner: Provisioner;
  readonly issueJoinToken: IssueJoinToken;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  readonly metrics: ProvisioningMetrics;
  /** Names this process among those that share the database. */
  readonly holder: string;
  /** Of another holder: true only where it has ended for good, and what it held may be taken before its lease is over. */
  readonly isGone: (holder: string) => Promise<boolean>;
}

export interface Reconciler {
  /** Works until nothing is due and returns how many data planes were worked on. */
  runOnce(): Promise<number>;
  /** Runs until stopped. */
  start(): void;
  /** Something has changed: look at once, at this data plane in any case. */
  wake(id?: Id<"dataPlane">): void;
  /** Resolves when the pass that is running has ended. */
  stop(): Promise<void>;
  /**
   * After `stop` and the provisioner's `close`: gives back what is still held, and writes down that these have ended with
   * this process. A row that another process holds is left to it.
   */
  recordStopped(ids: readonly Id<"dataPlane">[]): Promise<void>;
}

/** Longer than any pass takes, since drivers answer soon; no longer than a dead worker's data planes may wait. */
export const LEASE_MS = 15_000;
const LANES = 4;
const IDLE_MS_MAX = 1_000;
const AFTER_FAULT: Backoff = { firstMs: 2_000, maxMs: 60_000 };

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { db, provisioner, clock, log, metrics, holder } = options;
  const urgent = new Set<Id<"dataPlane">>();
  /** What this process has provisioned last. */
  const done = new Map<Id<"dataPlane">, { generation: number; withToken: boolean; at: number }>();
  /** Leases under which work goes on. */
  const held = new Map<Id<"dataPlane">, Lease>();
  /** Holders that have ended for good. */
  const gone = new Set<string>();
  let alarm = Promise.withResolvers<void>();
  let claiming: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let running: Promise<void> = Promise.resolve();

  async function runOnce(): Promise<number> {
    await tendHeld();
    await findGone();
    let count = 0;
    const lane = async () => {
      while (await claimAndReconcile()) count += 1;
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    metrics.showStates(await withPlatform(db, (tx) => countByState(tx, provisioner.driver)));
    return count;
  }

  /** Looks at what is held and due, and gives back that on which work has ended. */
  async function tendHeld(): Promise<void> {
    await Promise.all(
      [...held].map(async ([id, lease]) => {
        if (!provisioner.isWorking(id)) {
          await withTenant(db, lease.tenantId, (tx) => releaseLease(tx, lease));
          held.delete(id);
          return;
        }
        const claim = await withPlatform(db, (tx) => readClaim(tx, lease));
        if (claim === undefined) held.delete(id);
        else if (urgent.delete(id) || claim.row.next_attempt_at <= clock.wallMs())
          await settle(claim, await reconcile(claim));
      }),
    );
  }

  async function findGone(): Promise<void> {
    const me = { driver: provisioner.driver, holder, now: clock.wallMs() };
    for (const other of await withPlatform(db, (tx) => holdersBeside(tx, me)))
      if (!gone.has(other) && (await options.isGone(other))) gone.add(other);
  }

  async function claimAndReconcile(): Promise<boolean> {
    if (stopped) return false;
    const claim = await claimInTurn();
    if (claim === undefined) return false;
    const startedMs = clock.monotonicMs();
    await settle(claim, await reconcile(claim));
    metrics.observeReconcile((clock.monotonicMs() - startedMs) / 1_000);
    return true;
  }

  /** Lanes claim one after the other: one that began with what another takes as urgent would take that once more. */
  function claimInTurn(): Promise<Claim | undefined> {
    const claim = claiming.then(() => claimOne({ urgent: [...urgent] }));
    claiming = claim.then((taken) => taken && urgent.delete(taken.row.id)).catch(() => undefined);
    return claim;
  }

  function claimOne(which: Pick<ClaimOptions, "urgent" | "only">): Promise<Claim | undefined> {
    const me = { driver: provisioner.driver, holder, now: clock.wallMs() };
    return withPlatform(db, (tx) => claimNext(tx, { ...me, leaseMs: LEASE_MS, gone: [...gone], ...which }));
  }

  async function settle(claim: Claim, outcome: Outcome): Promise<void> {
    const { lease } = claim;
    const kept = provisioner.isWorking(lease.id);
    // Before it is known whether that was written: what goes on is to be given back in any case.
    if (kept) held.set(lease.id, lease);
    const written = await withTenant(db, lease.tenantId, (tx) =>
      settleClaim(tx, claim, outcome, { now: clock.wallMs(), kept }),
    );
    if (!written) log.warn({ data_plane_id: lease.id }, "lost the lease on a data plane");
    else if (outcome.state !== claim.row.state) {
      log.info(
        { data_plane_id: claim.row.id, from: claim.row.state, to: outcome.state },
        "data plane changed state",
      );
    }
  }

  async function reconcile(claim: Claim): Promise<Outcome> {
    const { row } = claim;
    try {
      return outcomeOf(claim, await actOn(claim), pace());
    } catch (error) {
      log.error({ data_plane_id: row.id, err: error }, "could not reconcile a data plane");
      const seen = { ...ABSENT, message: "the provisioner failed; see the control plane's log" };
      const now = clock.wallMs();
      const waitMs = backoffMs(AFTER_FAULT, row.attempts, shareOf(`${row.id}|${row.attempts}`));
      const state = row.deletion_requested_at === null ? stateOf(row, seen) : "draining";
      return {
        ...unchanged(row),
        state,
        conditions: state === "draining" ? [] : conditionsOf(row, seen, now),
        next_attempt_at: now + waitMs,
      };
    }
  }

  const { lookAgainMs, lookSoonMs } = provisioner;
  const pace = (): Pace => ({ now: clock.wallMs(), lookAgainMs, lookSoonMs });

  /** The one step that is due: remove it, provision it, or only look at it. */
  async function actOn({ lease, row, plan }: Claim): Promise<Observation> {
    const { id, tenant_id: tenantId, region, spec, generation } = row;
    const target = { id, tenantId, region, plan, spec, generation };
    if (row.deletion_requested_at !== null) {
      done.delete(row.id);
      return provisioner.destroy(target, lease);
    }
    if (!provisioner.wantsToken) return provisioner.provision({ ...target, joinToken: null }, lease);
    const seen = await provisioner.observe(target);
    if (!isDue(row, seen)) return seen;
    const joinToken =
      row.joined_at === null ? await options.issueJoinToken({ tenantId, dataPlaneId: id }) : null;
    const provisioned = await provisioner.provision({ ...target, joinToken }, lease);
    done.set(id, { generation, withToken: joinToken !== null, at: clock.monotonicMs() });
    return provisioned;
  }

  function isDue(row: Claim["row"], seen: Observation): boolean {
    if (seen.phase === "absent") return true;
    const last = done.get(row.id);
    if (row.generation !== row.observed_generation && row.generation !== last?.generation) return true;
    // A spent token is cleared away, and one that may have expired is replaced.
    if (row.joined_at !== null) return last?.withToken === true;
    return last === undefined || clock.monotonicMs() - last.at >= JOIN_TOKEN_LIFETIME_MS / 2;
  }

  async function loop(): Promise<void> {
    let begun = false;
    while (!stopped) {
      alarm = Promise.withResolvers();
      try {
        if (!begun) await withPlatform(db, (tx) => makeAllDue(tx, provisioner.driver));
        begun = true;
        await runOnce();
        await sleep(await idleMs());
      } catch (error) {
        log.error({ err: error }, "a pass over the data planes failed");
        await sleep(IDLE_MS_MAX);
      }
    }
  }

  /** Other processes may add work at any time, so the sleep is short. */
  async function idleMs(): Promise<number> {
    const at = await withPlatform(db, (tx) => nextDueAt(tx, provisioner.driver));
    return Math.max(10, Math.min(IDLE_MS_MAX, (at ?? Number.POSITIVE_INFINITY) - clock.wallMs()));
  }

  async function sleep(ms: number): Promise<void> {
    const timer = setTimeout(() => alarm.resolve(), ms);
    await alarm.promise;
    clearTimeout(timer);
  }

  return {
    runOnce,
    start() {
      running = loop();
    },
    wake(id) {
      if (id !== undefined) urgent.add(id);
      alarm.resolve();
    },
    async stop() {
      stopped = true;
      alarm.resolve();
      await running;
    },
    async recordStopped(ids) {
      await tendHeld();
      await findGone();
      for (const id of ids) {
        const claim = await claimOne({ urgent: [], only: id });
        if (claim !== undefined) await settle(claim, outcomeOf(claim, STOPPED, pace()));
      }
    },
  };
}

interface Pace extends Pick<Provisioner, "lookAgainMs" | "lookSoonMs"> {
  readonly now: number;
}

function outcomeOf({ row }: Claim, seen: Observation, { now, lookAgainMs, lookSoonMs }: Pace): Outcome {
  const state = stateOf(row, seen);
  const settled = (state === "ready" && seen.current) || state === "deleted";
  return {
    state,
    conditions: conditionsOf(row, seen, now),
    endpoint_url: state === "deleted" ? null : seen.endpointUrl,
    admin_url: state === "deleted" ? null : seen.adminUrl,
    observed_generation: settled ? row.generation : row.observed_generation,
    attempts: settled ? 0 : row.attempts,
    next_attempt_at: now + (settled ? lookAgainMs : Math.max(lookSoonMs, impatience(row.attempts))),
  };
}

/** Most starts take a second, so it is looked at often at first. */
function impatience(attempts: number): number {
  if (attempts < 30) return 150;
  return attempts < 60 ? 1_000 : 5_000;
}

function unchanged(row: Claim["row"]): Outcome {
  const { state, endpoint_url, admin_url, observed_generation, attempts, next_attempt_at } = row;
  return { state, conditions: [], endpoint_url, admin_url, observed_generation, attempts, next_attempt_at };
}
