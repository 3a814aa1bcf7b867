/**
 * Data planes on clusters, one Pulumi stack for each tenant. Asked again and again, it compares what is wanted with
 * what was brought about, and begins at most one operation for a stack, in a process of its own and under the data
 * plane's lease. Whatever becomes of this process, the rows tell the next one what is left to do.
 */
import { planNumbers } from "@headgate/infra";
import { type Id, tenantNamespace } from "@headgate/sdk/contract";
import type { PulumiConfig } from "../../../config.ts";
import type { Images } from "../../../data-planes/releases/image-of.ts";
import type { Observation } from "../../../data-planes/status.ts";
import type { RegionRow } from "../../../db/schema/provisioning.ts";
import { withPlatform, withTenant } from "../../../db/tenant-scope.ts";
import type { MakeId } from "../../../lib/make-id.ts";
import { KEPT_LEASE_MS } from "../../keep-lease.ts";
import type { ObservedDataPlane, Provisioner } from "../../provisioner.ts";
import type { Lease } from "../../repository.ts";
import { differsInSharedOnly } from "../decide/desired-digest.ts";
import {
  type NextOperation,
  nextForLeaving,
  nextForLiving,
  type OperationTiming,
} from "../decide/next-operation.ts";
import { observeStack } from "../decide/observe-stack.ts";
import { type CertainWish, type Wish, wishOf } from "../decide/wish.ts";
import type { OperationOrder } from "../process/operation-process.ts";
import {
  type Begun,
  beginOperation,
  ensureStack,
  hasUsageLeft,
  leavesTraces,
  markDestroyed,
  readStackFacts,
  readWishRows,
  type StackFacts,
} from "../store/repository.ts";
import { createSlots } from "./slots.ts";
import { type Surroundings, superviseOperation } from "./supervise-operation.ts";

export interface PulumiDriverOptions extends Surroundings {
  /** Undefined where no release says which, and none were given at the start. */
  readonly imagesOf: (spec: Readonly<Record<string, unknown>>) => Promise<Images | undefined>;
  /** The same at every call, until it is replaced. */
  readonly joinSecretOf: (target: { tenantId: Id<"tenant">; id: Id<"dataPlane"> }) => Promise<string>;
  /** Part of what a stack is compared by: a newer program is brought to all of them. */
  readonly programVersion: string;
  readonly makeId: MakeId;
  readonly kubeconfigOf: (region: RegionRow) => Promise<string>;
  readonly settings: PulumiSettings;
  /** An operation has begun or ended, or there is room for one: look at this data plane now. */
  readonly onChange: (id: Id<"dataPlane">) => void;
}

export interface PulumiSettings
  extends Pick<
    PulumiConfig,
    "backend" | "passphraseFile" | "operationsMax" | "operationsPerRegion" | "deadlineMs"
  > {
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

export function createPulumiDriver(options: PulumiDriverOptions): Provisioner {
  const { db, clock, settings } = options;
  const slots = createSlots<Id<"dataPlane">>({
    max: settings.operationsMax,
    perCluster: settings.operationsPerRegion,
  });
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

  async function provision(target: ObservedDataPlane, lease: Lease): Promise<Observation> {
    const wish = await wishFor(target);
    if (wish.ok) stopOvertaken(target.id, wish.digest);
    const facts = await stackFactsOf(lease);
    if (wish.ok && facts.stack !== undefined) {
      const next = nextForLiving({
        stack: facts.stack,
        last: facts.last,
        now: clock.wallMs(),
        digest: wish.digest,
        asked: facts.asked,
        sharedChangedAt: Math.max(wish.region.updated_at, startedAt),
        timing: settings.timing,
      });
      if (next !== undefined && (await begin(target, next, wish, lease)))
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

  async function destroy(target: ObservedDataPlane, lease: Lease): Promise<Observation> {
    const current = running.get(target.id);
    if (current !== undefined && current.mode !== "drain" && current.mode !== "destroy") current.stop.abort();
    const facts = await stackFactsOf(lease);
    const { stack, last } = facts;
    const wish = await wishFor(target);
    if (stack === undefined) return sight(target, facts, wish);
    const untouched =
      stack.applied_digest === null && !stack.interrupted && stack.failures === 0 && last === undefined;
    if (untouched && stack.destroyed_at === null && !running.has(target.id)) {
      await withTenant(db, target.tenantId, (tx) => markDestroyed(tx, target.id, clock.wallMs()));
      return sight(target, await factsOf(target.id), wish);
    }
    // By the last word of its replicas, and by the ledger.
    const usageIsIn = !(await withTenant(db, target.tenantId, (tx) => hasUsageLeft(tx, target.id)));
    const next = nextForLeaving({ stack, last, now: clock.wallMs() }, { usageIsIn });
    if (next !== undefined && wish.ok) await begin(target, next, wish, lease);
    const seen = sight(target, await factsOf(target.id), wish);
    return seen.phase === "absent" ? seen : { ...seen, phase: "draining" };
  }

  async function stackFactsOf(lease: Lease): Promise<StackFacts> {
    const facts = await factsOf(lease.id);
    if (facts.stack !== undefined) return facts;
    await withTenant(db, lease.tenantId, (tx) => ensureStack(tx, lease, tenantNamespace(lease.tenantId)));
    return factsOf(lease.id);
  }

  /** False where there is no room, or the lease is not good any more. */
  async function begin(
    target: ObservedDataPlane,
    next: NextOperation,
    wish: CertainWish,
    lease: Lease,
  ): Promise<boolean> {
    const { id, generation, plan } = target;
    const { mode, refresh } = next;
    if (closing || running.has(id)) return false;
    const hasRoom = slots.take(id, target.region, clock.wallMs());
    options.metrics.showLoad(slots);
    if (!hasRoom) return false;
    let begun: Begun | undefined;
    try {
      // Before it begins: where they cannot be had, nothing has begun.
      const joinSecret = await options.joinSecretOf(target);
      const kubeconfig = await options.kubeconfigOf(wish.region);
      const now = clock.wallMs();
      const operationId = next.askedBy ?? options.makeId("operation");
      const request = { operationId, next, generation, now, until: now + KEPT_LEASE_MS };
      begun = await withTenant(db, lease.tenantId, (tx) => beginOperation(tx, lease, request));
      if (begun === undefined) return false;
      const { stack } = begun;
      const order: OperationOrder = {
        operationId,
        stack: stack.name,
        mode,
        recover: stack.interrupted && leavesTraces(mode),
        refresh,
        guard: mode === "up" && stack.applied_at !== null && stack.destroyed_at === null,
        spec: { ...wish.spec, joinSecret },
        kubeconfig,
        backend: settings.backend,
        passphraseFile: settings.passphraseFile,
      };
      const { digest } = wish;
      const stop = new AbortController();
      const deadlineMs = deadlineFor(mode, plan);
      const done = superviseOperation(
        { begun, order, digest, deadlineMs, stop: stop.signal },
        options,
      ).finally(() => {
        running.delete(id);
        options.onChange(id);
        giveBack(id);
      });
      running.set(id, { done, stop, mode, digest, since: clock.monotonicMs() });
      return true;
    } finally {
      // What did not begin is looked at again in its turn, not at once and for ever.
      if (begun === undefined) giveBack(id);
    }
  }

  function giveBack(id: Id<"dataPlane">): void {
    const waiting = slots.giveBack(id);
    options.metrics.showLoad(slots);
    if (waiting !== undefined) options.onChange(waiting);
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
    isWorking: (id) => running.has(id),
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
