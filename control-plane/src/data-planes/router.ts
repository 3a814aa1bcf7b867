import { type Id, idOf, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Services } from "../api/trpc/context.ts";
import { operatorProcedure, router, tenantProcedure } from "../api/trpc/procedures.ts";
import type { Actor } from "../audit/append-audit.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";
import { pageInput, pageOf, pageSchema } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { unixMs } from "../lib/view.ts";
import { changeTenant } from "../policy/change-policy.ts";
import { askForOperation } from "../provisioning/operations/repository.ts";
import { operationView, showOperation } from "../provisioning/operations/service.ts";
import { requireTenant } from "../tenants/require-tenant.ts";
import { lockDataPlane } from "./data-plane-rows.ts";
import { desireDataPlane } from "./desired.ts";
import { issueJoinToken } from "./join/join-token.ts";
import { regionName } from "./regions/region-name.ts";
import { requireOpenRegion } from "./regions/require-region.ts";
import { CANARY_RING, LAST_RING } from "./releases/advance-release.ts";
import {
  findDataPlane,
  findOwner,
  forgetJoin,
  hasDataPlaneInTheWay,
  listDataPlanes,
  placeInRing,
  requestDeletion,
} from "./repository.ts";
import { dataPlaneView, viewOfDataPlane } from "./views.ts";

const byId = z.strictObject({ data_plane_id: idOf("dataPlane") });

export const dataPlanesRouter = router({
  /** Of the tenant, in the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(dataPlaneView))
    .query(async ({ ctx, input }) => {
      const { revision } = await requireTenant(ctx.services.db, ctx.tenantId);
      const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
        listDataPlanes(tx, { after: input.cursor, limit: input.limit + 1 }),
      );
      return pageOf(rows, input.limit, {
        cursor: ({ id }) => id,
        view: (row) => viewOfDataPlane(row, revision),
      });
    }),

  /** One that was deleted is still found, so that its end can be seen. */
  get: tenantProcedure
    .input(byId)
    .output(dataPlaneView)
    .query(async ({ ctx, input }) => {
      const { revision } = await requireTenant(ctx.services.db, ctx.tenantId);
      const row = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
        findDataPlane(tx, input.data_plane_id),
      );
      return viewOfDataPlane(requireFound(row), revision);
    }),

  /** For a tenant whose data plane was deleted. Faults: `api.conflict` while it has one that was not asked to go. */
  create: tenantProcedure
    .input(z.strictObject({ region: regionName.optional() }))
    .output(dataPlaneView)
    .mutation(async ({ ctx: { services, tenantId, actor }, input }) => {
      const wanted = input.region ?? (await requireTenant(services.db, tenantId)).region;
      const { driver } = services;
      await withPlatform(services.db, (tx) => requireOpenRegion(tx, { region: wanted, driver }));
      return changeTenant(services, {
        tenantId,
        actor,
        action: "data_planes.create",
        run: async (tx, tenant) => {
          if (await hasDataPlaneInTheWay(tx, services.driver))
            throw new Fault("api.conflict", { detail: "The tenant has a data plane; delete it first." });
          const id = services.makeId("dataPlane");
          const region = input.region ?? tenant.region;
          const now = services.clock.wallMs();
          await desireDataPlane(tx, { tenantId, id, region, driver, spec: { plan: tenant.plan }, now });
          const row = requireFound(await findDataPlane(tx, id));
          return { result: viewOfDataPlane(row, tenant.revision), resource: id, detail: { region } };
        },
      });
    }),

  /**
   * For a data plane that has lost its state: its keys are forgotten, so that it can join again. Its driver gives it a
   * token when it next starts; where it has none, `issue_join_token` does.
   */
  rejoin: operatorProcedure
    .input(byId)
    .output(dataPlaneView)
    .mutation(async ({ ctx, input: { data_plane_id: id } }) => {
      const { services, actor } = ctx;
      const { tenantId } = requireFound(await withPlatform(services.db, (tx) => findOwner(tx, id)));
      return changeTenant(services, {
        tenantId,
        actor,
        action: "data_planes.rejoin",
        run: async (tx, { revision }) => {
          const before = requireFound(await lockDataPlane(tx, id));
          if (before.deletion_requested_at !== null)
            throw new Fault("api.conflict", { detail: "It is to be deleted." });
          await forgetJoin(tx, before, services.clock.wallMs());
          const row = requireFound(await findDataPlane(tx, id));
          return { result: viewOfDataPlane(row, revision), resource: id };
        },
      });
    }),

  /** For a data plane that something else runs. The token is shown once and used once; a later one may take its place. */
  issue_join_token: operatorProcedure
    .input(byId)
    .output(z.strictObject({ token: z.string(), expires_at: unixMs }))
    .mutation(async ({ ctx, input: { data_plane_id: id } }) => {
      const { services, actor } = ctx;
      const { tenantId } = requireFound(await withPlatform(services.db, (tx) => findOwner(tx, id)));
      return changeTenant(services, {
        tenantId,
        actor,
        action: "data_planes.issue_join_token",
        run: async (tx) => {
          const row = requireFound(await findDataPlane(tx, id));
          if (row.driver !== "none")
            throw new Fault("api.conflict", { detail: `Its driver (${row.driver}) gives it its tokens.` });
          if (row.deletion_requested_at !== null)
            throw new Fault("api.conflict", { detail: "It is to be deleted." });
          const now = services.clock.wallMs();
          const token = await issueJoinToken(tx, id, { now, random: services.random });
          return { result: { token, expires_at: now + JOIN_TOKEN_LIFETIME_MS }, resource: id };
        },
      });
    }),

  /** Places it in a ring: 0 gets a release first. Releases on their way take it along as they find it. */
  set_ring: operatorProcedure
    .input(byId.extend({ ring: z.int().min(CANARY_RING).max(LAST_RING) }))
    .output(dataPlaneView)
    .mutation(async ({ ctx: { services, actor }, input: { data_plane_id: id, ring } }) => {
      const { tenantId } = requireFound(await withPlatform(services.db, (tx) => findOwner(tx, id)));
      return changeTenant(services, {
        tenantId,
        actor,
        action: "data_planes.set_ring",
        run: async (tx, { revision }) => {
          await placeInRing(tx, id, ring);
          const row = requireFound(await findDataPlane(tx, id));
          return { result: viewOfDataPlane(row, revision), resource: id, detail: { ring } };
        },
      });
    }),

  /** Asks what the next change would do to its objects, and does nothing of it. */
  preview: operatorProcedure
    .input(byId)
    .output(operationView)
    .mutation(({ ctx, input }) =>
      ask(ctx, input.data_plane_id, { kind: "preview", action: "data_planes.preview" }),
    ),

  /** Brings about what is wanted now, also where it was already. */
  reconcile: operatorProcedure
    .input(byId)
    .output(operationView)
    .mutation(({ ctx, input }) =>
      ask(ctx, input.data_plane_id, { kind: "up", action: "data_planes.reconcile" }),
    ),

  /** Looks at the cluster for what differs from what was brought about. */
  check_drift: operatorProcedure
    .input(byId)
    .output(operationView)
    .mutation(({ ctx, input }) =>
      ask(ctx, input.data_plane_id, { kind: "refresh", action: "data_planes.check_drift" }),
    ),

  /** Answers at once; the data plane drains and is then gone. To ask again changes nothing. */
  delete: tenantProcedure
    .input(byId)
    .output(dataPlaneView)
    .mutation(({ ctx, input }) =>
      changeTenant(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "data_planes.delete",
        run: async (tx, { revision }) => {
          requireFound(await findDataPlane(tx, input.data_plane_id));
          await requestDeletion(tx, input.data_plane_id, ctx.services.clock.wallMs());
          const row = requireFound(await findDataPlane(tx, input.data_plane_id));
          return { result: viewOfDataPlane(row, revision), resource: row.id };
        },
      }),
    ),
});

/** The operation that was asked for; it waits until the worker has room. Faults: `api.conflict` where no engine runs it. */
async function ask(
  { services, actor }: { services: Services; actor: Actor },
  id: Id<"dataPlane">,
  { kind, action }: { kind: "up" | "preview" | "refresh"; action: string },
) {
  const { tenantId } = requireFound(await withPlatform(services.db, (tx) => findOwner(tx, id)));
  return changeTenant(services, {
    tenantId,
    actor,
    action,
    run: async (tx) => {
      const row = requireFound(await findDataPlane(tx, id));
      if (row.driver !== "pulumi")
        throw new Fault("api.conflict", { detail: `Its driver (${row.driver}) runs no operations.` });
      if (row.deletion_requested_at !== null)
        throw new Fault("api.conflict", { detail: "It is to be deleted." });
      const operation = await askForOperation(tx, {
        id: services.makeId("operation"),
        tenantId,
        dataPlaneId: id,
        kind,
        generation: row.generation,
        now: services.clock.wallMs(),
      });
      return { result: showOperation(operation), resource: id, detail: { operation_id: operation.id } };
    },
  });
}
