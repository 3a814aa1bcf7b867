/** What may be asked of data planes. It is written on their rows; their driver brings it about. */
import { type Id, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import type { Services } from "../api/trpc/context.ts";
import type { Actor } from "../audit/append-audit.ts";
import type { TenantRow } from "../db/schema/tenants.ts";
import { readTenant, type TenantTx, withPlatform } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";
import { type Page, pageOf } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { type Changed, changeTenant } from "../policy/change-policy.ts";
import { askForOperation } from "../provisioning/operations/repository.ts";
import { showOperation } from "../provisioning/operations/service.ts";
import { latestRevision, lockDataPlane } from "./data-plane-rows.ts";
import { desireDataPlane } from "./desired.ts";
import { issueJoinToken } from "./join/join-token.ts";
import { requireOpenRegion } from "./regions/service.ts";
import {
  findDataPlane,
  findOwner,
  findRegionOf,
  forgetJoin,
  hasDataPlaneInTheWay,
  listDataPlanes,
  placeInRing,
  requestDeletion,
} from "./repository.ts";
import type { DataPlaneRow } from "./status.ts";
import { viewOfDataPlane } from "./views.ts";

/** Whoever acts for the platform, on a data plane of any tenant. */
interface OperatorContext {
  readonly services: Services;
  readonly actor: Actor;
}

interface TenantContext extends OperatorContext {
  readonly tenantId: Id<"tenant">;
}

export const dataPlanes = {
  list(
    { services: { db }, tenantId }: TenantContext,
    { cursor, limit }: { cursor?: string | undefined; limit: number },
  ): Promise<Page<ReturnType<typeof viewOfDataPlane>>> {
    return readTenant(db, tenantId, async (tx) => {
      const revision = await latestRevision(tx, tenantId);
      const rows = await listDataPlanes(tx, { after: cursor, limit: limit + 1 });
      return pageOf(rows, limit, { cursor: ({ id }) => id, view: (row) => viewOfDataPlane(row, revision) });
    });
  },

  get({ services: { db }, tenantId }: TenantContext, id: Id<"dataPlane">) {
    return readTenant(db, tenantId, async (tx) =>
      viewOfDataPlane(requireFound(await findDataPlane(tx, id)), await latestRevision(tx, tenantId)),
    );
  },

  /** Faults: `api.conflict` while the tenant has one that was not asked to go. */
  async create({ services, tenantId, actor }: TenantContext, wanted: string | undefined) {
    const { db, driver } = services;
    const region = wanted ?? (await readTenant(db, tenantId, findRegionOf));
    await withPlatform(db, (tx) => requireOpenRegion(tx, { region, driver }));
    return changeTenant(services, {
      tenantId,
      actor,
      action: "data_planes.create",
      run: async (tx, { plan, revision }) => {
        if (await hasDataPlaneInTheWay(tx, driver))
          throw new Fault("api.conflict", { detail: "The tenant has a data plane; delete it first." });
        const id = services.makeId("dataPlane");
        const now = services.clock.wallMs();
        const row = await desireDataPlane(tx, { tenantId, id, region, driver, spec: { plan }, now });
        return { result: viewOfDataPlane(row, revision), resource: id, detail: { region } };
      },
    });
  },

  /** Its keys are forgotten. */
  rejoin(ctx: OperatorContext, id: Id<"dataPlane">) {
    return change(ctx, { id, action: "data_planes.rejoin" }, async (tx, _, { revision }) => {
      const before = requireFound(await lockDataPlane(tx, id));
      requireWanted(before);
      await forgetJoin(tx, before, ctx.services.clock.wallMs());
      return { result: viewOfDataPlane(requireFound(await findDataPlane(tx, id)), revision) };
    });
  },

  issueJoinToken(ctx: OperatorContext, id: Id<"dataPlane">) {
    const { clock, random } = ctx.services;
    return change(ctx, { id, action: "data_planes.issue_join_token" }, async (tx, row) => {
      if (row.driver !== "none")
        throw new Fault("api.conflict", { detail: `Its driver (${row.driver}) gives it its tokens.` });
      requireWanted(row);
      const now = clock.wallMs();
      const token = await issueJoinToken(tx, id, { now, random });
      return { result: { token, expires_at: now + JOIN_TOKEN_LIFETIME_MS } };
    });
  },

  setRing(ctx: OperatorContext, id: Id<"dataPlane">, ring: number) {
    return change(ctx, { id, action: "data_planes.set_ring" }, async (tx, _, { revision }) => {
      await placeInRing(tx, id, ring);
      const row = requireFound(await findDataPlane(tx, id));
      return { result: viewOfDataPlane(row, revision), detail: { ring } };
    });
  },

  /** The operation that was asked for; it waits until the worker has room. Faults: `api.conflict` where no engine runs it. */
  ask(
    ctx: OperatorContext,
    id: Id<"dataPlane">,
    { kind, action }: { kind: "up" | "preview" | "refresh"; action: string },
  ) {
    return change(ctx, { id, action }, async (tx, { driver, tenant_id: tenantId, ...row }) => {
      if (driver !== "pulumi")
        throw new Fault("api.conflict", { detail: `Its driver (${driver}) runs no operations.` });
      requireWanted(row);
      const operation = await askForOperation(tx, {
        id: ctx.services.makeId("operation"),
        tenantId,
        dataPlaneId: id,
        kind,
        generation: row.generation,
        now: ctx.services.clock.wallMs(),
      });
      return { result: showOperation(operation), detail: { operation_id: operation.id } };
    });
  },

  delete({ services, tenantId, actor }: TenantContext, id: Id<"dataPlane">) {
    return changeTenant(services, {
      tenantId,
      actor,
      action: "data_planes.delete",
      run: async (tx, { revision }) => {
        requireFound(await findDataPlane(tx, id));
        await requestDeletion(tx, id, services.clock.wallMs());
        const row = requireFound(await findDataPlane(tx, id));
        return { result: viewOfDataPlane(row, revision), resource: id };
      },
    });
  },
};

/** A change of a data plane by whoever acts for the platform. */
async function change<T>(
  { services, actor }: OperatorContext,
  { id, action }: { id: Id<"dataPlane">; action: string },
  run: (tx: TenantTx, row: DataPlaneRow, tenant: TenantRow) => Promise<Omit<Changed<T>, "resource">>,
): Promise<T> {
  const { tenantId } = requireFound(await withPlatform(services.db, (tx) => findOwner(tx, id)));
  return changeTenant(services, {
    tenantId,
    actor,
    action,
    run: async (tx, tenant) => ({
      ...(await run(tx, requireFound(await findDataPlane(tx, id)), tenant)),
      resource: id,
    }),
  });
}

function requireWanted({ deletion_requested_at }: Pick<DataPlaneRow, "deletion_requested_at">): void {
  if (deletion_requested_at !== null) throw new Fault("api.conflict", { detail: "It is to be deleted." });
}
