import { DEFAULT_SETTINGS, freeText, idOf, resourceName, snapshotSettings } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Services } from "../api/trpc/context.ts";
import { operatorProcedure, router, tenantProcedure } from "../api/trpc/procedures.ts";
import type { Actor } from "../audit/append-audit.ts";
import { desirePlan } from "../data-planes/desired.ts";
import { regionName } from "../data-planes/regions/region-name.ts";
import type { dataPlanes } from "../db/schema/data-planes.ts";
import type { TenantRow } from "../db/schema/tenants.ts";
import { withPlatform } from "../db/tenant-scope.ts";
import { OPERATOR } from "../identity/operator-token.ts";
import { defined } from "../lib/defined.ts";
import { pageInput, pageOf } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { changePolicy, changeTenant } from "../policy/change-policy.ts";
import { createTenant } from "./create-tenant.ts";
import { listTenants, updateTenant } from "./repository.ts";
import { requireTenant } from "./require-tenant.ts";

const planName = z.enum(["starter", "team", "enterprise"]);

const settingsInput = snapshotSettings.partial();

/** Names that the platform's own hosts have beside those of tenants. */
const RESERVED_NAMES: readonly string[] = ["api"];
const tenantName = resourceName.refine((name) => !RESERVED_NAMES.includes(name), "is a name of the platform");

const createInput = z.strictObject({
  idempotency_key: freeText(200),
  name: tenantName,
  display_name: freeText(200).optional(),
  plan: planName,
  region: regionName,
  settings: settingsInput.optional(),
});

const byId = z.strictObject({ tenant_id: idOf("tenant") });

export const tenantsRouter = router({
  create: operatorProcedure.input(createInput).mutation(async ({ ctx, input }) => {
    const { tenant, adminKey, dataPlane } = await createTenant(ctx.services, ctx.actor, {
      ...input,
      display_name: input.display_name ?? input.name,
      settings: { ...DEFAULT_SETTINGS, ...defined(input.settings ?? {}) },
    });
    return { tenant: tenantView(tenant), admin_key: adminKey, data_plane: newDataPlaneView(dataPlane) };
  }),

  get: tenantProcedure
    .input(z.strictObject({}).optional())
    .query(async ({ ctx }) => tenantView(await requireTenant(ctx.services.db, ctx.tenantId))),

  list: operatorProcedure.input(z.strictObject(pageInput)).query(async ({ ctx, input }) => {
    const rows = await withPlatform(ctx.services.db, (tx) => listTenants(tx, input.cursor, input.limit + 1));
    return pageOf(rows, input.limit, { cursor: (row) => row.id, view: tenantView });
  }),

  suspend: operatorProcedure
    .input(byId)
    .mutation(({ ctx, input }) => setSuspended(ctx.services, input.tenant_id, "tenants.suspend")),

  resume: operatorProcedure
    .input(byId)
    .mutation(({ ctx, input }) => setSuspended(ctx.services, input.tenant_id, "tenants.resume")),

  /** Its data plane follows: another size, another quota. */
  set_plan: operatorProcedure
    .input(z.strictObject({ tenant_id: idOf("tenant"), plan: planName }))
    .mutation(({ ctx, input }) =>
      setPlan(ctx.services, ctx.actor, { tenantId: input.tenant_id, plan: input.plan }),
    ),

  update_settings: tenantProcedure
    .input(z.strictObject({ settings: settingsInput }))
    .mutation(({ ctx, input }) =>
      changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "tenants.update_settings",
        run: async (tx, { id, settings }) => {
          const row = await updateTenant(tx, id, { settings: { ...settings, ...defined(input.settings) } });
          return {
            result: tenantView(requireFound(row)),
            resource: id,
            detail: { settings: input.settings },
          };
        },
      }),
    ),
});

/** In one transaction with the wish for the data plane, which so never follows a plan that the tenant does not have. */
function setPlan(
  services: Services,
  actor: Actor,
  { tenantId, plan }: { tenantId: TenantRow["id"]; plan: TenantRow["plan"] },
) {
  return changeTenant(services, {
    tenantId,
    actor,
    action: "tenants.set_plan",
    run: async (tx, before) => {
      const row = plan === before.plan ? before : await updateTenant(tx, tenantId, { plan });
      if (plan !== before.plan) await desirePlan(tx, plan);
      return {
        result: tenantView(requireFound(row)),
        resource: tenantId,
        detail: { from: before.plan, to: plan },
      };
    },
  });
}

function setSuspended(
  services: Services,
  tenantId: TenantRow["id"],
  action: "tenants.suspend" | "tenants.resume",
) {
  return changePolicy(services, {
    tenantId,
    actor: OPERATOR,
    action,
    takesAway: action === "tenants.suspend",
    run: async (tx) => {
      const row = await updateTenant(tx, tenantId, { suspended: action === "tenants.suspend" });
      return { result: tenantView(requireFound(row)), resource: tenantId };
    },
  });
}

function tenantView({
  id,
  name,
  display_name,
  plan,
  region,
  settings,
  suspended,
  revision,
  created_at,
}: TenantRow) {
  return { id, name, display_name, plan, region, settings, suspended, revision, created_at };
}

function newDataPlaneView(row: typeof dataPlanes.$inferSelect) {
  const { id, tenant_id, region, driver, generation, observed_generation, state, created_at } = row;
  return { id, tenant_id, region, driver, generation, observed_generation, state, created_at };
}
