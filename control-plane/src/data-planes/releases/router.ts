import { idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Services } from "../../api/trpc/context.ts";
import { operatorProcedure, router } from "../../api/trpc/procedures.ts";
import { RELEASE_STATES } from "../../db/schema/provisioning.ts";
import { type PlatformTx, withPlatform } from "../../db/tenant-scope.ts";
import { defined } from "../../lib/defined.ts";
import { Fault } from "../../lib/fault.ts";
import { pageInput, pageOf, pageSchema } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { unixMs } from "../../lib/view.ts";
import { CANARY_RING, DEFAULT_GATES, ringSight } from "./advance-release.ts";
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

/** By digest: a tag may say something else tomorrow (OCI distribution spec, references). */
const imageByDigest = z
  .string()
  .max(400)
  .regex(/^[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}$/, "must be an image by digest: name@sha256:...");

const gates = z.strictObject({
  soak_seconds: z
    .int()
    .min(0)
    .max(7 * 86_400),
  settle_seconds: z.int().min(30).max(86_400),
  error_rate_max: z.number().min(0).max(1),
  nacks_max: z.int().min(0).max(1_000),
  failures_max: z.int().min(0).max(1_000),
});

const created = z.strictObject({
  /** A label's value on every object of a data plane. */
  version: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, "must be a version such as 1.4.0"),
  image: imageByDigest,
  collector_image: imageByDigest,
  gates: gates.partial().optional(),
});

const releaseView = created.extend({
  id: idOf("release"),
  state: z.enum(RELEASE_STATES),
  /** What data planes go back to. */
  previous_id: idOf("release").nullable(),
  /** The ring that is being updated or watched; rings below it are done. */
  ring: z.int().min(0),
  ring_started_at: unixMs.nullable(),
  gates,
  reason: z.string(),
  created_at: unixMs,
  updated_at: unixMs,
});

const byId = z.strictObject({ release_id: idOf("release") });

/** Versions of the data plane, rolled out ring by ring. */
export const releasesRouter = router({
  /** A draft: nothing moves before `start`. One for each version. */
  create: operatorProcedure
    .input(created)
    .output(releaseView)
    .mutation(async ({ ctx: { services }, input }) => {
      const now = services.clock.wallMs();
      const row = await withPlatform(services.db, (tx) =>
        insertRelease(tx, {
          ...input,
          id: services.makeId("release"),
          state: "draft",
          gates: { ...DEFAULT_GATES, ...defined(input.gates ?? {}) },
          created_at: now,
          updated_at: now,
        }),
      );
      if (row === undefined)
        throw new Fault("api.conflict", {
          parameter: "version",
          detail: "There is a release of this version.",
        });
      return row;
    }),

  /** Begins with the canary ring. Faults: `api.conflict` while another release is on its way. */
  start: operatorProcedure
    .input(byId)
    .output(releaseView)
    .mutation(({ ctx: { services }, input }) =>
      change(services, input.release_id, async (tx, release) => {
        requireState(release, ["draft", "rolled_back"]);
        const other = await findUnfinished(tx);
        if (other !== undefined)
          throw new Fault("api.conflict", {
            detail: `Release ${other.version} is ${other.state.replace("_", " ")}.`,
          });
        const previous = await findCurrent(tx);
        return {
          state: "rolling",
          ring: CANARY_RING,
          ring_started_at: null,
          previous_id: previous?.id ?? null,
          reason: "",
        };
      }),
    ),

  /** What was updated stays as it is; nothing more is. */
  pause: operatorProcedure
    .input(byId)
    .output(releaseView)
    .mutation(({ ctx: { services }, input }) =>
      change(services, input.release_id, async (_, release) => {
        requireState(release, ["rolling"]);
        return { state: "paused" };
      }),
    ),

  /** Goes on with the ring at which it was paused. */
  resume: operatorProcedure
    .input(byId)
    .output(releaseView)
    .mutation(({ ctx: { services }, input }) =>
      change(services, input.release_id, async (_, release) => {
        requireState(release, ["paused"]);
        return { state: "rolling", ring_started_at: null };
      }),
    ),

  /** Sends every data plane of the release back to the one before it. */
  roll_back: operatorProcedure
    .input(z.strictObject({ release_id: idOf("release"), reason: z.string().min(1).max(500) }))
    .output(releaseView)
    .mutation(({ ctx: { services }, input }) =>
      change(services, input.release_id, async (tx, release) => {
        requireState(release, ["rolling", "paused", "complete"]);
        const other = await findUnfinished(tx);
        if (other !== undefined && other.id !== release.id)
          throw new Fault("api.conflict", { detail: `Release ${other.version} is on its way.` });
        if (release.state === "complete" && release.previous_id === null)
          throw new Fault("api.conflict", { detail: "There is no release before it." });
        const previous =
          release.previous_id === null ? undefined : await findRelease(tx, release.previous_id);
        if (previous?.state === "superseded")
          await updateRelease(tx, previous.id, { state: "complete" }, services.clock.wallMs());
        return { state: "rolling_back", reason: input.reason };
      }),
    ),

  /** With what its ring looks like now. */
  get: operatorProcedure
    .input(byId)
    .output(releaseView.extend({ ring_now: ringSight, data_planes: z.int().min(0) }))
    .query(({ ctx: { services }, input }) =>
      withPlatform(services.db, async (tx) => {
        const release = requireFound(await findRelease(tx, input.release_id));
        const followers = await listFollowers(tx);
        return {
          ...release,
          ring_now: await lookAtRing(tx, followers, release, services.clock.wallMs()),
          data_planes: followers.filter(({ releaseId }) => releaseId === release.id).length,
        };
      }),
    ),

  /** In the order of their ids. */
  list: operatorProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(releaseView))
    .query(async ({ ctx: { services }, input }) => {
      const rows = await withPlatform(services.db, (tx) => listReleases(tx, input.cursor, input.limit + 1));
      return pageOf(rows, input.limit, { cursor: ({ id }) => id, view: (row) => row });
    }),
});

type ReleaseChange = Parameters<typeof updateRelease>[2];

async function change(
  services: Services,
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
  if (!states.includes(release.state))
    throw new Fault("api.conflict", { detail: `The release is ${release.state.replace("_", " ")}.` });
}
