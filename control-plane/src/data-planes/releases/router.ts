import { idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import { operatorProcedure, router } from "../../api/trpc/procedures.ts";
import { RELEASE_STATES } from "../../db/schema/provisioning.ts";
import { defined } from "../../lib/defined.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { unixMs } from "../../lib/view.ts";
import { ringSight } from "./advance-release.ts";
import { releases } from "./service.ts";

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
    .mutation(({ ctx: { services }, input: { gates, ...input } }) =>
      releases.create(services, { ...input, gates: defined(gates ?? {}) }),
    ),

  /** Begins with the canary ring. Faults: `api.conflict` while another release is on its way. */
  start: operatorProcedure
    .input(byId)
    .output(releaseView)
    .mutation(({ ctx: { services }, input }) => releases.start(services, input.release_id)),

  /** What was updated stays as it is; nothing more is. */
  pause: operatorProcedure
    .input(byId)
    .output(releaseView)
    .mutation(({ ctx: { services }, input }) => releases.pause(services, input.release_id)),

  /** Goes on with the ring at which it was paused. */
  resume: operatorProcedure
    .input(byId)
    .output(releaseView)
    .mutation(({ ctx: { services }, input }) => releases.resume(services, input.release_id)),

  /** Sends every data plane of the release back to the one before it. */
  roll_back: operatorProcedure
    .input(byId.extend({ reason: z.string().min(1).max(500) }))
    .output(releaseView)
    .mutation(({ ctx: { services }, input }) => releases.rollBack(services, input.release_id, input.reason)),

  /** With what its ring looks like now. */
  get: operatorProcedure
    .input(byId)
    .output(releaseView.extend({ ring_now: ringSight, data_planes: z.int().min(0) }))
    .query(({ ctx: { services }, input }) => releases.get(services, input.release_id)),

  /** In the order of their ids. */
  list: operatorProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(releaseView))
    .query(({ ctx: { services }, input }) => releases.list(services, input)),
});
