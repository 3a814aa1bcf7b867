import { idOf, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import { z } from "zod";
import { lockDataPlane } from "../data-plane-api/data-plane-rows.ts";
import { issueJoinToken } from "../data-plane-api/join-token.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";
import { pageInput, pageOf } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { changeTenant } from "../tenants/change-policy.ts";
import { regionName } from "../tenants/region-name.ts";
import { insertDataPlane } from "../tenants/repository.ts";
import { requireTenant } from "../tenants/require-tenant.ts";
import { operatorProcedure, router, tenantProcedure } from "../trpc/procedures.ts";
import type { DataPlaneRow, DataPlaneState } from "./data-plane-status.ts";
import {
  findDataPlane,
  findOwner,
  forgetJoin,
  hasLiveDataPlane,
  listDataPlanes,
  requestDeletion,
} from "./repository.ts";

const byId = z.strictObject({ data_plane_id: idOf("dataPlane") });

export const dataPlanesRouter = router({
  list: tenantProcedure.input(z.strictObject(pageInput)).query(async ({ ctx, input }) => {
    const { revision } = await requireTenant(ctx.services.db, ctx.tenantId);
    const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      listDataPlanes(tx, { after: input.cursor, limit: input.limit + 1 }),
    );
    return pageOf(rows, input.limit, { cursor: ({ id }) => id, view: (row) => dataPlaneView(row, revision) });
  }),

  /** One that was deleted is still found, so that its end can be seen. */
  get: tenantProcedure.input(byId).query(async ({ ctx, input }) => {
    const { revision } = await requireTenant(ctx.services.db, ctx.tenantId);
    const row = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      findDataPlane(tx, input.data_plane_id),
    );
    return dataPlaneView(requireFound(row), revision);
  }),

  /** For a tenant whose data plane was deleted. Faults: `api.conflict` while it has one that was not asked to go. */
  create: tenantProcedure
    .input(z.strictObject({ region: regionName.optional() }))
    .mutation(({ ctx: { services, tenantId, actor }, input }) =>
      changeTenant(services, {
        tenantId,
        actor,
        action: "data_planes.create",
        run: async (tx, tenant) => {
          if (await hasLiveDataPlane(tx))
            throw new Fault("api.conflict", { detail: "The tenant has a data plane; delete it first." });
          const id = services.makeId("dataPlane");
          const region = input.region ?? tenant.region;
          const now = services.clock.wallMs();
          await insertDataPlane(tx, {
            tenant_id: tenantId,
            id,
            region,
            driver: services.driver,
            spec: { plan: tenant.plan },
            next_attempt_at: now,
            created_at: now,
          });
          const row = requireFound(await findDataPlane(tx, id));
          return { result: dataPlaneView(row, tenant.revision), resource: id, detail: { region } };
        },
      }),
    ),

  /**
   * For a data plane that has lost its state: its keys are forgotten, so that it can join again. Its driver gives it a
   * token when it next starts; where it has none, `issue_join_token` does.
   */
  rejoin: operatorProcedure.input(byId).mutation(async ({ ctx, input: { data_plane_id: id } }) => {
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
        return { result: dataPlaneView(row, revision), resource: id };
      },
    });
  }),

  /** For a data plane that something else runs. The token is shown once and used once; a later one may take its place. */
  issue_join_token: operatorProcedure.input(byId).mutation(async ({ ctx, input: { data_plane_id: id } }) => {
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

  /** Answers at once; the data plane drains and is then gone. To ask again changes nothing. */
  delete: tenantProcedure.input(byId).mutation(({ ctx, input }) =>
    changeTenant(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "data_planes.delete",
      run: async (tx, { revision }) => {
        requireFound(await findDataPlane(tx, input.data_plane_id));
        await requestDeletion(tx, input.data_plane_id, ctx.services.clock.wallMs());
        const row = requireFound(await findDataPlane(tx, input.data_plane_id));
        return { result: dataPlaneView(row, revision), resource: row.id };
      },
    }),
  ),
});

function dataPlaneView(row: DataPlaneRow, wantedRevision: number) {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    region: row.region,
    driver: row.driver,
    generation: row.generation,
    observed_generation: row.observed_generation,
    state: row.state as DataPlaneState,
    conditions: row.conditions,
    endpoint_url: row.endpoint_url,
    wanted_revision: wantedRevision,
    applied_revision: row.applied_revision,
    last_ack: row.last_ack,
    last_heartbeat: row.last_heartbeat,
    last_heartbeat_at: row.last_heartbeat_at,
    joined_at: row.joined_at,
    deletion_requested_at: row.deletion_requested_at,
    created_at: row.created_at,
  };
}
