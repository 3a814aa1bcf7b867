/**
 * Data planes on clusters, one Pulumi stack for each tenant. Asked again and again, it compares what is wanted with
 * what was brought about, and begins at most one operation for a stack, in a process of its own. Whatever becomes of
 * this process, the rows tell the next one what is left to do.
 */
import { planNumbers, tenantNamespace } from "@headgate/infra";
import type { Id } from "@headgate/sdk/contract";
import { eq } from "drizzle-orm";
import type { RegionRow } from "../../../data-planes/regions/repository.ts";
import { usageLeft } from "../../../data-planes/status.ts";
import type { Database } from "../../../db/client.ts";
import { dataPlanes } from "../../../db/schema/data-planes.ts";
import { withPlatform, withTenant } from "../../../db/tenant-scope.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { MakeId } from "../../../lib/make-id.ts";
import type { Observation, ObservedDataPlane, Provisioner } from "../../provisioner.ts";
import { differsInSharedOnly } from "../decide/desired-digest.ts";
import {
  type NextOperation,
  nextForLeaving,
  nextForLiving,
  type OperationTiming,
} from "../decide/next-operation.ts";
import { observeStack } from "../decide/observe-stack.ts";
import { type CertainWish, type Images, type Wish, wishOf } from "../decide/wish.ts";
import type { OperationOrder, StartOperation } from "../process/operation-process.ts";
import {
  claimStack,
  ensureStack,
  leavesTraces,
  markDestroyed,
  readStackFacts,
  readWishRows,
  type StackClaim,
  type StackFacts,
} from "../store/repository.ts";
import { LEASE_MS } from "../store/stack-lease.ts";
import type { OperationMetrics } from "./operation-metrics.ts";
import { createSlots } from "./slots.ts";
import { type OperationEnd, superviseOperation } from "./supervise-operation.ts";

export interface PulumiDriverOptions {
  readonly db: Database;
  /** Undefined where no release says which, and none were given at the start. */
  readonly imagesOf: (spec: Readonly<Record<string, unknown>>) => Promise<Images | undefined>;
  /** The same at every call, until it is replaced. */
  readonly joinSecretOf: (target: { tenantId: Id<"tenant">; id: Id<"dataPlane"> }) => Promise<string>;
  /** Part of what a stack is compared by: a newer program is brought to all of them. */
  readonly programVersion: string;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  readonly metrics: OperationMetrics;
  /** In [0, 1). */
  readonly chance: () => number;
  readonly startOperation: StartOperation;
  /** Ends the processes that an operation has left on this machine. */
  readonly endSurvivors: (operationId: string) => Promise<unknown>;
  /** Names this worker; of another one's name it can be told whether it is surely gone. */
  readonly holder: string;
  readonly isSurelyGone: (holder: string) => Promise<boolean>;
  readonly kubeconfigOf: (region: RegionRow) => Promise<string>;
  readonly settings: PulumiSettings;
  /** An operation has begun or ended, or there is room for one: look at this data plane now. */
  readonly onChange: (id: Id<"dataPlane">) => void;
  /** Events of an operation were written. */
  readonly onEvents?: (operationId: Id<"operation">) => void;
}

export interface PulumiSettings {
  readonly backend: string;
  readonly passphraseFile: string;
  readonly operationsMax: number;
  readonly operationsPerRegion: number;
  readonly deadlineMs: number;
  readonly timing: OperationTiming;
}

interface Running {
  readonly done: Promise<void>;
  readonly stop: AbortController;
  readonly mode: NextOperation["mode"];
  readonly digest: string;
  readonly since: number;
}

/** An operation that was overtaken by another wish gets this long to end well. */
const OVERTAKEN_MS = 60_000;

interface Begun {
  readonly claim: StackClaim;
  readonly target: ObservedDataPlane;
  readonly next: NextOperation;
  readonly wish: CertainWish;
  /** Fires when it is to end early. */
  readonly stop: AbortSignal;
  readonly secrets: { readonly joinSecret: string; readonly kubeconfig: string };
}

export function createPulumiDriver(options: PulumiDriverOptions): Provisioner {
  const { db, clock, log, settings } = options;
  const slots = createSlots({ max: settings.operationsMax, perCluster: settings.operationsPerRegion });
  const running = new Map<Id<"dataPlane">, Running>();
  let closing = false;
  const startedAt = clock.wallMs();
  async function wishFor(target: ObservedDataPlane): Promise<Wish> {
    const read = () => withPlatform(db, (tx) => readWishRows(tx, target));
    let rows = await read();
    if (rows.secretHash === null) {
      await options.joinSecretOf(target);
      rows = await read();
    }
    const { programVersion } = options;
    return wishOf({ target, ...rows, images: await options.imagesOf(target.spec), programVersion });
  }

  const factsOf = (id: Id<"dataPlane">) => withPlatform(db, (tx) => readStackFacts(tx, id));

  const sight = (target: ObservedDataPlane, facts: StackFacts, wish: Wish): Observation =>
    observeStack({
      facts,
      now: clock.wallMs(),
      digest: wish.ok ? wish.digest : null,
      trouble: wish.ok ? "" : wish.trouble,
      inLine: !running.has(target.id) && slots.waiting > 0,
    });

  async function provision(target: ObservedDataPlane): Promise<Observation> {
    const wish = await wishFor(target);
    if (wish.ok) stopOvertaken(target.id, wish.digest);
    const facts = await stackFactsOf(target);
    if (wish.ok && facts.stack !== undefined) {
      const next = nextForLiving({
        stack: facts.stack,
        now: clock.wallMs(),
        digest: wish.digest,
        asked: facts.asked,
        sharedChangedAt: Math.max(wish.region.updated_at, startedAt),
        timing: settings.timing,
      });
      if (next !== undefined && (await begin(target, next, wish)))
        return sight(target, await factsOf(target.id), wish);
    }
    return sight(target, facts, wish);
  }

  /** A rollout that cannot succeed must not keep the way out of it waiting until its deadline. */
  function stopOvertaken(id: Id<"dataPlane">, digest: string): void {
    const current = running.get(id);
    if (current?.mode !== "up" || current.digest === digest || differsInSharedOnly(current.digest, digest))
      return;
    if (clock.monotonicMs() - current.since >= OVERTAKEN_MS) current.stop.abort();
  }

  async function destroy(target: ObservedDataPlane): Promise<Observation> {
    const current = running.get(target.id);
    if (current !== undefined && current.mode !== "drain" && current.mode !== "destroy") current.stop.abort();
    const facts = await stackFactsOf(target);
    const { stack } = facts;
    const wish = await wishFor(target);
    if (stack === undefined) return sight(target, facts, wish);
    const untouched =
      stack.applied_digest === null && !stack.interrupted && stack.failures === 0 && facts.last === undefined;
    if (untouched && stack.destroyed_at === null && !running.has(target.id)) {
      await withTenant(db, target.tenantId, (tx) => markDestroyed(tx, target.id, clock.wallMs()));
      return sight(target, await factsOf(target.id), wish);
    }
    const next = nextForLeaving({ stack, now: clock.wallMs() }, { usageIsIn: await usageIsIn(target) });
    if (next !== undefined && wish.ok) await begin(target, next, wish);
    const seen = sight(target, await factsOf(target.id), wish);
    return seen.phase === "absent" ? seen : { ...seen, phase: "draining" };
  }

  /** By the last word of its replicas, and by the ledger. */
  async function usageIsIn({ tenantId, id }: ObservedDataPlane): Promise<boolean> {
    const [row] = await withTenant(db, tenantId, (tx) =>
      tx.select().from(dataPlanes).where(eq(dataPlanes.id, id)),
    );
    return row === undefined || usageLeft(row) === 0;
  }

  async function stackFactsOf(target: ObservedDataPlane): Promise<StackFacts> {
    const facts = await factsOf(target.id);
    if (facts.stack !== undefined) return facts;
    await withTenant(db, target.tenantId, (tx) => ensureStack(tx, target, tenantNamespace(target.tenantId)));
    return factsOf(target.id);
  }

  /** False where there is no room, or somebody else is at it. */
  async function begin(target: ObservedDataPlane, next: NextOperation, wish: CertainWish): Promise<boolean> {
    const { id, tenantId, generation } = target;
    if (closing || running.has(id)) return false;
    if (!slots.take(id, target.region, clock.wallMs())) {
      options.metrics.showLoad(slots);
      return false;
    }
    options.metrics.showLoad(slots);
    const done = Promise.withResolvers<void>();
    const stop = new AbortController();
    const { digest } = wish;
    running.set(id, { done: done.promise, stop, mode: next.mode, digest, since: clock.monotonicMs() });
    let begun = false;
    try {
      // Before the claim: where they cannot be had, nothing has begun.
      const secrets = {
        joinSecret: await options.joinSecretOf(target),
        kubeconfig: await options.kubeconfigOf(wish.region),
      };
      const holder = await holderOf(id);
      const goneHolder = holder !== null && (await options.isSurelyGone(holder)) ? holder : null;
      const claim = await withTenant(db, tenantId, (tx) =>
        claimStack(tx, {
          tenantId,
          id,
          operationId: (next.askedBy as Id<"operation"> | undefined) ?? options.makeId("operation"),
          next,
          generation,
          holder: options.holder,
          now: clock.wallMs(),
          leaseMs: LEASE_MS,
          goneHolder,
        }),
      );
      if (claim === undefined) return false;
      begun = true;
      void supervise({ claim, target, next, wish, secrets, stop: stop.signal }).finally(() =>
        finish(id, done.resolve, { worked: true }),
      );
      return true;
    } finally {
      // Who did not get the stack looks again in its turn, not at once and for ever.
      if (!begun) finish(id, done.resolve, { worked: false });
    }
  }

  function finish(id: Id<"dataPlane">, resolve: () => void, { worked }: { worked: boolean }): void {
    running.delete(id);
    const waiting = slots.giveBack(id);
    options.metrics.showLoad(slots);
    resolve();
    if (worked) options.onChange(id);
    if (waiting !== undefined) options.onChange(waiting as Id<"dataPlane">);
  }

  async function holderOf(id: Id<"dataPlane">): Promise<string | null> {
    const { stack } = await factsOf(id);
    const held = stack?.lease_until != null && stack.lease_until >= clock.wallMs();
    return held ? (stack?.lease_holder ?? null) : null;
  }

  async function supervise({ claim, target, next, wish, secrets, stop }: Begun): Promise<void> {
    const { digest, spec } = wish;
    const since = clock.monotonicMs();
    const names = {
      data_plane_id: claim.id,
      operation_id: claim.operationId,
      mode: next.mode,
      reason: next.reason,
    };
    log.info(names, "operation begins");
    try {
      for (const lost of claim.lost) await options.endSurvivors(lost);
      const order: OperationOrder = {
        operationId: claim.operationId,
        stack: claim.stack.name,
        mode: next.mode,
        recover: claim.stack.interrupted && leavesTraces(next.mode),
        refresh: next.refresh,
        guard: next.mode === "up" && claim.stack.applied_at !== null && claim.stack.destroyed_at === null,
        spec: { ...spec, joinSecret: secrets.joinSecret },
        kubeconfig: secrets.kubeconfig,
        backend: settings.backend,
        passphraseFile: settings.passphraseFile,
      };
      const ended = await superviseOperation(
        { claim, order, digest, deadlineMs: deadlineFor(next.mode, target.plan), stop },
        {
          db,
          clock,
          startOperation: options.startOperation,
          chance: options.chance,
          onEvents: () => options.onEvents?.(claim.operationId),
          onFault: (error) => log.error({ ...names, err: error }, "an operation met a fault"),
        },
      );
      tell(ended, names, (clock.monotonicMs() - since) / 1_000);
    } catch (error) {
      log.error({ ...names, err: error }, "an operation could not be supervised to its end");
    }
  }

  function tell(
    { result, failure, written }: OperationEnd,
    names: { mode: string; reason: string },
    seconds: number,
  ): void {
    options.metrics.observeOperation({ kind: names.mode, outcome: failure ?? "succeeded", seconds });
    if (!written) options.metrics.countLeaseLoss();
    if ((result.drift?.length ?? 0) > 0) options.metrics.countDrift();
    const facts = { ...names, seconds, changes: result.changes, failure, message: result.message };
    if (failure === null) log.info(facts, "operation succeeded");
    else log.warn(facts, written ? "operation failed" : "operation lost its lease");
  }

  /** A drain waits for the longest call. */
  function deadlineFor(mode: NextOperation["mode"], plan: string): number {
    if (mode !== "drain" && mode !== "destroy") return settings.deadlineMs;
    return settings.deadlineMs + planNumbers(plan).replica.drainSeconds * 1_000;
  }

  return {
    driver: "pulumi",
    wantsToken: false,
    lookAgainMs: 15_000,
    lookSoonMs: 500,
    provision,
    destroy,
    async observe(target) {
      return sight(target, await factsOf(target.id), await wishFor(target));
    },
    /** Data planes live on. Operations are ended, which the next worker takes up. */
    async close() {
      closing = true;
      for (const { stop } of running.values()) stop.abort();
      await Promise.all([...running.values()].map(({ done }) => done));
      return [];
    },
  };
}
