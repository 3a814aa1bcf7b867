import { idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import { operatorProcedure, router, tenantProcedure } from "../api/trpc/procedures.ts";
import { pageInput, pageSchema } from "../lib/page.ts";
import { unixMs } from "../lib/view.ts";
import { operationView } from "./operations/service.ts";
import { regionName } from "./regions/region-name.ts";
import { CANARY_RING, LAST_RING } from "./releases/advance-release.ts";
import { dataPlanes } from "./service.ts";
import { dataPlaneDetails, dataPlaneView } from "./views.ts";

const byId = z.strictObject({ data_plane_id: idOf("dataPlane") });

export const dataPlanesRouter = router({
  /** Of the tenant, in the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(dataPlaneView))
    .query(({ ctx, input }) => dataPlanes.list(ctx, input)),

  /** One that was deleted is still found, so that its end can be seen. */
  get: tenantProcedure
    .input(byId)
    .output(dataPlaneDetails)
    .query(({ ctx, input }) => dataPlanes.get(ctx, input.data_plane_id)),

  /** For a tenant whose data plane was deleted. Faults: `api.conflict` while it has one that was not asked to go. */
  create: tenantProcedure
    .input(z.strictObject({ region: regionName.optional() }))
    .output(dataPlaneView)
    .mutation(({ ctx, input }) => dataPlanes.create(ctx, input.region)),

  /**
   * For a data plane that has lost its state: its keys are forgotten, so that it can join again. Its driver gives it a
   * token when it next starts; where it has none, `issue_join_token` does.
   */
  rejoin: operatorProcedure
    .input(byId)
    .output(dataPlaneView)
    .mutation(({ ctx, input }) => dataPlanes.rejoin(ctx, input.data_plane_id)),

  /** For a data plane that something else runs. The token is shown once and used once; a later one may take its place. */
  issue_join_token: operatorProcedure
    .input(byId)
    .output(z.strictObject({ token: z.string(), expires_at: unixMs }))
    .mutation(({ ctx, input }) => dataPlanes.issueJoinToken(ctx, input.data_plane_id)),

  /** Places it in a ring: 0 gets a release first. Releases on their way take it along as they find it. */
  set_ring: operatorProcedure
    .input(byId.extend({ ring: z.int().min(CANARY_RING).max(LAST_RING) }))
    .output(dataPlaneView)
    .mutation(({ ctx, input }) => dataPlanes.setRing(ctx, input.data_plane_id, input.ring)),

  /** Asks what the next change would do to its objects, and does nothing of it. */
  preview: operatorProcedure
    .input(byId)
    .output(operationView)
    .mutation(({ ctx, input }) => dataPlanes.ask(ctx, input.data_plane_id, "preview")),

  /** Brings about what is wanted now, also where it was already. */
  reconcile: operatorProcedure
    .input(byId)
    .output(operationView)
    .mutation(({ ctx, input }) => dataPlanes.ask(ctx, input.data_plane_id, "up")),

  /** Looks at the cluster for what differs from what was brought about. */
  check_drift: operatorProcedure
    .input(byId)
    .output(operationView)
    .mutation(({ ctx, input }) => dataPlanes.ask(ctx, input.data_plane_id, "refresh")),

  /** Answers at once; the data plane drains and is then gone. To ask again changes nothing. */
  delete: tenantProcedure
    .input(byId)
    .output(dataPlaneView)
    .mutation(({ ctx, input }) => dataPlanes.delete(ctx, input.data_plane_id)),
});
