import {
  DEFAULT_SETTINGS,
  idOf,
  resourceName,
  type SnapshotSettings,
  snapshotSettings,
} from "@headgate/sdk/contract";
import { z } from "zod";
import { desirePlan } from "../data-planes/desired.ts";
import { regionName } from "../data-planes/regions/region-name.ts";
import type { Database } from "../db/client.ts";
import type { TenantRow } from "../db/schema/tenants.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import { type PageRequest, pageOf } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { unixMs, viewOf } from "../lib/view.ts";
import {
  type ChangeContext,
  type ChangeServices,
  changePolicy,
  changeTenant,
} from "../policy/change-policy.ts";
import { requireRevision } from "../policy/resource.ts";
import { type CreateTenantServices, createTenant, type NewTenant } from "./create-tenant.ts";
import { findTenant, listTenants, updateTenant } from "./repository.ts";

export const planName = z.enum(["starter", "team", "enterprise"]);

export const tenantView = z.strictObject({
  id: idOf("tenant"),
  name: resourceName,
  display_name: z.string(),
  plan: planName,
  region: regionName,
  settings: snapshotSettings,
  suspended: z.boolean(),
  /** Rises by one with each change of what the snapshot says. */
  revision: z.number().int().nonnegative(),
  created_at: unixMs,
});
const view = viewOf(tenantView);

/** A data plane as it is asked for; `data_planes.get` tells what became of it. */
export const newDataPlaneView = z.strictObject({
  id: idOf("dataPlane"),
  tenant_id: idOf("tenant"),
  region: regionName,
  driver: z.string(),
  generation: z.number().int().positive(),
  observed_generation: z.number().int().nonnegative(),
  state: z.string(),
  created_at: unixMs,
});

type NewTenantInput = Omit<NewTenant, "display_name" | "settings"> & {
  readonly display_name?: string;
  readonly settings?: Partial<SnapshotSettings>;
};

type OperatorContext<Services = ChangeServices> = Omit<ChangeContext<Services>, "tenantId">;

/** The tenant's row. Faults: `api.not_found`. */
export async function requireTenant(db: Database, id: TenantRow["id"]): Promise<TenantRow> {
  return requireFound(await withTenant(db, id, (tx) => findTenant(tx, id)));
}

export const tenants = {
  async create({ services, actor }: OperatorContext<CreateTenantServices>, input: NewTenantInput) {
    const { tenant, adminKey, dataPlane } = await createTenant(services, actor, {
      ...input,
      display_name: input.display_name ?? input.name,
      settings: { ...DEFAULT_SETTINGS, ...input.settings },
    });
    return { tenant: view(tenant), admin_key: adminKey, data_plane: viewOf(newDataPlaneView)(dataPlane) };
  },

  async get({ services, tenantId }: Pick<ChangeContext, "services" | "tenantId">) {
    return view(await requireTenant(services.db, tenantId));
  },

  async list({ services }: OperatorContext, { cursor, limit }: PageRequest) {
    const page = { after: cursor, limit: limit + 1 };
    const rows = await withPlatform(services.db, (tx) => listTenants(tx, page));
    return pageOf(rows, limit, { cursor: (row) => row.id, view });
  },

  setSuspended({ services, actor }: OperatorContext, tenantId: TenantRow["id"], suspended: boolean) {
    return changePolicy(
      { services, tenantId, actor },
      {
        action: suspended ? "tenants.suspend" : "tenants.resume",
        takesAway: suspended,
        run: async (tx) => {
          const row = requireFound(await updateTenant(tx, tenantId, { suspended }));
          return { result: view(row), resource: tenantId };
        },
      },
    );
  },

  /** In one transaction with the wish for the data plane, which so never follows a plan that the tenant does not have. */
  setPlan({ services, actor }: OperatorContext, tenantId: TenantRow["id"], plan: TenantRow["plan"]) {
    return changeTenant(
      { services, tenantId, actor },
      {
        action: "tenants.set_plan",
        run: async (tx, before) => {
          const row = plan === before.plan ? before : await updateTenant(tx, tenantId, { plan });
          if (plan !== before.plan) await desirePlan(tx, plan);
          const detail = { from: before.plan, to: plan };
          return { result: view(requireFound(row)), resource: tenantId, detail };
        },
      },
    );
  },

  /** Faults: `api.precondition_failed` where the tenant is at another revision than was expected. */
  updateSettings(ctx: ChangeContext, changes: Partial<SnapshotSettings>, expected: number | undefined) {
    return changePolicy(ctx, {
      action: "tenants.update_settings",
      run: async (tx, { id, settings, revision }) => {
        requireRevision({ revision: revision - 1 }, expected);
        const row = await updateTenant(tx, id, { settings: { ...settings, ...changes } });
        return { result: view(requireFound(row)), resource: id, detail: { settings: changes } };
      },
    });
  },
};
