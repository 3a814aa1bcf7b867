/** What may be asked of data planes. It is written on their rows; their driver brings it about. */
import { type Id, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import type { TenantRow } from "../db/schema/tenants.ts";
import { readTenant, type TenantTx, withPlatform } from "../db/tenant-scope.ts";
import { conflict } from "../lib/fault.ts";
import type { Random } from "../lib/make-id.ts";
import { type Page, type PageRequest, pageOf } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import {
  type ChangeContext,
  type Changed,
  type ChangeServices,
  changeTenant,
} from "../policy/change-policy.ts";
import { latestRevision } from "../snapshots/service.ts";
import { desireDataPlane } from "./desired.ts";
import { issueJoinToken } from "./join/join-token.ts";
import { voidTokens } from "./join/repository.ts";
import { askForOperation } from "./operations/service.ts";
import { requireOpenRegion } from "./regions/service.ts";
import { forgetReplicas, replicasOf } from "./replicas/repository.ts";
import {
  findDataPlane,
  findOwner,
  findRegionOf,
  hasDataPlaneInTheWay,
  listDataPlanes,
  lockDataPlane,
  placeInRing,
  requestDeletion,
  updateDataPlane,
} from "./repository.ts";
import { type DataPlaneRow, usageLeft, verdict, withVerdicts } from "./status.ts";
import { viewOfDataPlane, viewOfReplica } from "./views.ts";

interface DataPlaneServices extends Pick<ChangeServices, "db" | "clock" | "makeId"> {
  readonly random: Random;
  /** How new data planes are provisioned. */
  readonly driver: string;
}

type TenantContext = ChangeContext<DataPlaneServices>;
/** Whoever acts for the platform, on a data plane of any tenant. */
type OperatorContext = Omit<TenantContext, "tenantId">;

export const dataPlanes = {
  list(
    { services: { db }, tenantId }: TenantContext,
    { cursor, limit }: PageRequest,
  ): Promise<Page<ReturnType<typeof viewOfDataPlane>>> {
    return readTenant(db, tenantId, async (tx) => {
      const revision = await latestRevision(tx);
      const rows = await listDataPlanes(tx, { after: cursor, limit: limit + 1 });
      return pageOf(rows, limit, { cursor: ({ id }) => id, view: (row) => viewOfDataPlane(row, revision) });
    });
  },

  get({ services: { db }, tenantId }: TenantContext, id: Id<"dataPlane">) {
    return readTenant(db, tenantId, async (tx) => {
      const row = requireFound(await findDataPlane(tx, id));
      const replicas = (await replicasOf(tx, id)).map(viewOfReplica);
      return { ...viewOfDataPlane(row, await latestRevision(tx)), replicas };
    });
  },

  /** Faults: `api.conflict` while the tenant has one that was not asked to go. */
  async create(ctx: TenantContext, wanted: string | undefined) {
    const { services, tenantId } = ctx;
    const { db, driver } = services;
    const region = wanted ?? (await readTenant(db, tenantId, findRegionOf));
    await withPlatform(db, (tx) => requireOpenRegion(tx, { region, driver }));
    return changeTenant(ctx, {
      action: "data_planes.create",
      run: async (tx, { plan, revision }) => {
        if (await hasDataPlaneInTheWay(tx, driver))
          throw conflict("The tenant has a data plane; delete it first.");
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
      if (row.driver !== "none") throw conflict(`Its driver (${row.driver}) gives it its tokens.`);
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
  ask(ctx: OperatorContext, id: Id<"dataPlane">, kind: keyof typeof ASKED_BY) {
    return change(ctx, { id, action: ASKED_BY[kind] }, async (tx, row) => {
      if (row.driver !== "pulumi") throw conflict(`Its driver (${row.driver}) runs no operations.`);
      requireWanted(row);
      const operation = await askForOperation(tx, {
        id: ctx.services.makeId("operation"),
        tenantId: row.tenant_id,
        dataPlaneId: id,
        kind,
        generation: row.generation,
        now: ctx.services.clock.wallMs(),
      });
      return { result: operation, detail: { operation_id: operation.id } };
    });
  },

  delete(ctx: TenantContext, id: Id<"dataPlane">) {
    return changeTenant(ctx, {
      action: "data_planes.delete",
      run: async (tx, { revision }) => {
        requireFound(await findDataPlane(tx, id));
        if (await requestDeletion(tx, id, ctx.services.clock.wallMs())) await forgetProcesses(tx, id);
        const row = requireFound(await findDataPlane(tx, id));
        return { result: viewOfDataPlane(row, revision), resource: id };
      },
    });
  },
};

/** In the audit log. */
const ASKED_BY = {
  up: "data_planes.reconcile",
  preview: "data_planes.preview",
  refresh: "data_planes.check_drift",
} as const;

/** A change of a data plane by whoever acts for the platform. */
async function change<T>(
  { services, actor }: OperatorContext,
  { id, action }: { id: Id<"dataPlane">; action: string },
  run: (tx: TenantTx, row: DataPlaneRow, tenant: TenantRow) => Promise<Omit<Changed<T>, "resource">>,
): Promise<T> {
  const { tenantId } = requireFound(await withPlatform(services.db, (tx) => findOwner(tx, id)));
  return changeTenant(
    { services, tenantId, actor },
    {
      action,
      run: async (tx, tenant) => ({
        ...(await run(tx, requireFound(await findDataPlane(tx, id)), tenant)),
        resource: id,
      }),
    },
  );
}

/** Forgets that it has joined, and what was said of it. The new generation makes its driver give it a token. */
export async function forgetJoin(tx: TenantTx, row: DataPlaneRow, now: number): Promise<void> {
  await forgetProcesses(tx, row.id);
  const generation = row.generation + 1;
  const forgotten = [verdict("Joined", "false", "Forgotten", "it is to join again")];
  const conditions = withVerdicts({ ...row, generation }, forgotten, now);
  await updateDataPlane(tx, row.id, { joined_at: null, conditions, generation, next_attempt_at: 0 });
}

/** Forgets its replicas, the snapshots sealed to their keys, and what others could join with. */
async function forgetProcesses(tx: TenantTx, id: Id<"dataPlane">): Promise<void> {
  await forgetReplicas(tx, id);
  await voidTokens(tx, id);
}

/** For one that its driver has removed. Usage that it still has on disk can be shipped for a while, if it is started once more. */
export async function forgetRemoved(tx: TenantTx, row: DataPlaneRow): Promise<void> {
  await voidTokens(tx, row.id);
  if (usageLeft(row) === 0) await forgetReplicas(tx, row.id);
}

function requireWanted({ deletion_requested_at }: Pick<DataPlaneRow, "deletion_requested_at">): void {
  if (deletion_requested_at !== null) throw conflict("It is to be deleted.");
}
