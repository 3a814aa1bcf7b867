/** What operators may do with releases; `controller.ts` then takes them from ring to ring. */
import { type PlatformTx, withPlatform } from "../../db/tenant-scope.ts";
import { conflict } from "../../lib/fault.ts";
import type { Logger } from "../../lib/logger.ts";
import { type PageRequest, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import type { ChangeServices } from "../../policy/change-policy.ts";
import { CANARY_RING, DEFAULT_GATES, type Gates } from "./advance-release.ts";
import {
  findCurrent,
  findRelease,
  findUnfinished,
  insertRelease,
  listFollowers,
  listReleases,
  lockRelease,
  lookAtRing,
  type ReleaseRow,
  updateRelease,
} from "./repository.ts";

interface ReleaseServices extends Pick<ChangeServices, "db" | "clock" | "makeId"> {
  readonly logger: Pick<Logger, "info">;
}

type ReleaseId = ReleaseRow["id"];

export const releases = {
  async create(
    { db, clock, makeId }: ReleaseServices,
    input: Pick<ReleaseRow, "version" | "image" | "collector_image"> & { readonly gates: Partial<Gates> },
  ): Promise<ReleaseRow> {
    const now = clock.wallMs();
    const row = await withPlatform(db, (tx) =>
      insertRelease(tx, {
        ...input,
        id: makeId("release"),
        state: "draft",
        gates: { ...DEFAULT_GATES, ...input.gates },
        created_at: now,
        updated_at: now,
      }),
    );
    if (row === undefined) throw conflict("There is a release of this version.", "version");
    return row;
  },

  start(services: ReleaseServices, id: ReleaseId): Promise<ReleaseRow> {
    return change(services, id, async (tx, release) => {
      requireState(release, ["draft", "rolled_back"]);
      const other = await findUnfinished(tx);
      if (other !== undefined)
        throw conflict(`Release ${other.version} is ${other.state.replace("_", " ")}.`);
      const previous = await findCurrent(tx);
      return {
        state: "rolling",
        ring: CANARY_RING,
        ring_started_at: null,
        previous_id: previous?.id ?? null,
        reason: "",
      };
    });
  },

  pause(services: ReleaseServices, id: ReleaseId): Promise<ReleaseRow> {
    return change(services, id, async (_, release) => {
      requireState(release, ["rolling"]);
      return { state: "paused" };
    });
  },

  resume(services: ReleaseServices, id: ReleaseId): Promise<ReleaseRow> {
    return change(services, id, async (_, release) => {
      requireState(release, ["paused"]);
      return { state: "rolling", ring_started_at: null };
    });
  },

  rollBack(services: ReleaseServices, id: ReleaseId, reason: string): Promise<ReleaseRow> {
    return change(services, id, async (tx, release) => {
      requireState(release, ["rolling", "paused", "complete"]);
      const other = await findUnfinished(tx);
      if (other !== undefined && other.id !== release.id)
        throw conflict(`Release ${other.version} is on its way.`);
      if (release.state === "complete" && release.previous_id === null)
        throw conflict("There is no release before it.");
      const previous = release.previous_id === null ? undefined : await findRelease(tx, release.previous_id);
      if (previous?.state === "superseded")
        await updateRelease(tx, previous.id, { state: "complete" }, services.clock.wallMs());
      return { state: "rolling_back", reason };
    });
  },

  get({ db, clock }: ReleaseServices, id: ReleaseId) {
    return withPlatform(db, async (tx) => {
      const release = requireFound(await findRelease(tx, id));
      const followers = await listFollowers(tx);
      return {
        ...release,
        ring_now: await lookAtRing(tx, followers, release, clock.wallMs()),
        data_planes: followers.filter(({ releaseId }) => releaseId === release.id).length,
      };
    });
  },

  async list({ db }: ReleaseServices, { cursor, limit }: PageRequest) {
    const rows = await withPlatform(db, (tx) => listReleases(tx, { after: cursor, limit: limit + 1 }));
    return pageOf(rows, limit, { cursor: ({ id }) => id, view: (row) => row });
  },
};

type ReleaseChange = Parameters<typeof updateRelease>[2];

async function change(
  services: ReleaseServices,
  id: ReleaseRow["id"],
  decide: (tx: PlatformTx, release: ReleaseRow) => Promise<ReleaseChange>,
): Promise<ReleaseRow> {
  return withPlatform(services.db, async (tx) => {
    const release = requireFound(await lockRelease(tx, id));
    const set = await decide(tx, release);
    const row = requireFound(await updateRelease(tx, id, set, services.clock.wallMs()));
    services.logger.info({ release_id: id, from: release.state, to: row.state }, "release changed state");
    return row;
  });
}

function requireState(release: ReleaseRow, states: readonly ReleaseRow["state"][]): void {
  if (!states.includes(release.state)) throw conflict(`The release is ${release.state.replace("_", " ")}.`);
}
