/**
 * Takes the release that is on its way a step further at each pass, and sends it back when a ring breaks a gate. It is
 * level-triggered: a pass that was missed or cut short does no harm, and of several workers one acts at a time.
 */
import type { Id } from "@headgate/sdk/contract";
import type { Logger } from "pino";
import { type PlatformTx, type TenantTx, withPlatform } from "../../db/tenant-scope.ts";
import { type ChangeServices, changeTenant } from "../../policy/change-policy.ts";
import { desire } from "../repository.ts";
import { nextStep } from "./advance-release.ts";
import type { ReleaseMetrics } from "./metrics.ts";
import {
  type Follower,
  listFollowers,
  lookAtRing,
  type ReleaseRow,
  supersedeOthers,
  takeMoving,
  updateRelease,
} from "./repository.ts";

export interface ReleaseControllerOptions extends Pick<ChangeServices, "db" | "clock" | "makeId"> {
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  readonly metrics: ReleaseMetrics;
  /** A data plane is to run another release: look at it now. */
  readonly onAssigned?: (id: Id<"dataPlane">) => void;
}

const ACTOR = { kind: "system", id: "release-controller" } as const;

interface Assignment {
  readonly follower: Follower;
  readonly releaseId: Id<"release"> | null;
}

/** Gives the function that makes one pass; it answers false when there was nothing on its way. */
export function createReleaseController(options: ReleaseControllerOptions): () => Promise<boolean> {
  const { db, clock, log, metrics } = options;

  async function runOnce(): Promise<boolean> {
    // What is to be told to data planes is settled under the release's lock, and told after it: each has its own lock.
    const assignments = await withPlatform(db, async (tx) => {
      const release = await takeMoving(tx);
      metrics.showRing(release?.ring ?? -1);
      if (release === undefined) return undefined;
      const followers = await listFollowers(tx);
      return release.state === "rolling" ? roll(tx, release, followers) : goBack(tx, release, followers);
    });
    for (const assignment of assignments ?? []) await assign(assignment);
    return assignments !== undefined;
  }

  async function roll(
    tx: PlatformTx,
    release: ReleaseRow,
    followers: readonly Follower[],
  ): Promise<Assignment[]> {
    const now = clock.wallMs();
    const seen = await lookAtRing(tx, followers, release, now);
    const step = nextStep(
      { ring: release.ring, soakingSince: release.ring_started_at, gates: release.gates },
      seen,
      now,
    );
    if (step.kind !== "assign" && step.kind !== "wait") metrics.countStep(step.kind);
    switch (step.kind) {
      case "assign":
        await updateRelease(tx, release.id, { ring_started_at: null }, now);
        return followers
          .filter(({ ring, releaseId }) => ring <= release.ring && releaseId !== release.id)
          .slice(0, step.count)
          .map((follower) => ({ follower, releaseId: release.id }));
      case "wait":
        if (step.soaking === (release.ring_started_at === null))
          await updateRelease(tx, release.id, { ring_started_at: step.soaking ? now : null }, now);
        return [];
      case "advance":
        log.info({ release_id: release.id, ring: release.ring + 1 }, "release goes to its next ring");
        await updateRelease(tx, release.id, { ring: release.ring + 1, ring_started_at: null }, now);
        return [];
      case "complete":
        log.info({ release_id: release.id }, "release is complete");
        await updateRelease(tx, release.id, { state: "complete", ring_started_at: null }, now);
        await supersedeOthers(tx, release.id, now);
        return [];
      case "roll_back":
        log.error({ release_id: release.id, reason: step.reason }, "release is rolled back");
        await updateRelease(tx, release.id, { state: "rolling_back", reason: step.reason }, now);
        return [];
    }
  }

  /** Without waves: what is worse than before is not to be kept for the sake of order. */
  async function goBack(
    tx: PlatformTx,
    release: ReleaseRow,
    followers: readonly Follower[],
  ): Promise<Assignment[]> {
    const ours = followers.filter(({ releaseId }) => releaseId === release.id);
    if (ours.length === 0) await updateRelease(tx, release.id, { state: "rolled_back" }, clock.wallMs());
    return ours.map((follower) => ({ follower, releaseId: release.previous_id }));
  }

  async function assign({ follower, releaseId }: Assignment): Promise<void> {
    const { id, tenantId } = follower;
    const detail = { release_id: releaseId };
    const run = async (tx: TenantTx) => {
      await desire(tx, detail, id);
      return { result: undefined, resource: id, detail };
    };
    await changeTenant({ services: options, tenantId, actor: ACTOR }, { action: "data_planes.release", run });
    options.onAssigned?.(id);
  }

  return runOnce;
}
