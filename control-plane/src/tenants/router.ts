import { freeText, idOf, resourceName, snapshotSettings } from "@headgate/sdk/contract";
import { z } from "zod";
import { operatorProcedure, router, tenantProcedure } from "../api/trpc/procedures.ts";
import { regionName } from "../data-planes/regions/region-name.ts";
import { defined } from "../lib/defined.ts";
import { pageInput, pageSchema } from "../lib/page.ts";
import { expectedRevision } from "../policy/resource.ts";
import { newDataPlaneView, planName, tenants, tenantView } from "./service.ts";

/** Names that the platform's own hosts have beside those of tenants. */
const RESERVED_NAMES: readonly string[] = ["api"];
const tenantName = resourceName.refine((name) => !RESERVED_NAMES.includes(name), "is a name of the platform");

const settings = snapshotSettings.partial().transform(defined);

const createInput = z.strictObject({
  idempotency_key: freeText(200),
  name: tenantName,
  display_name: freeText(200).optional(),
  plan: planName,
  region: regionName,
  settings: settings.default({}),
});

const byId = z.strictObject({ tenant_id: idOf("tenant") });

export const tenantsRouter = router({
  /** The admin key is shown once: when the same call is made again it is null. */
  create: operatorProcedure
    .input(createInput)
    .output(
      z.strictObject({ tenant: tenantView, admin_key: z.string().nullable(), data_plane: newDataPlaneView }),
    )
    .mutation(({ ctx, input: { display_name, ...input } }) =>
      tenants.create(ctx, { ...input, ...defined({ display_name }) }),
    ),

  /** The tenant itself. */
  get: tenantProcedure
    .input(z.strictObject({}).optional())
    .output(tenantView)
    .query(({ ctx }) => tenants.get(ctx)),

  /** All tenants, in the order of their ids. */
  list: operatorProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(tenantView))
    .query(({ ctx, input }) => tenants.list(ctx, input)),

  /** Its agents are refused from the next revision on; nothing is taken away. */
  suspend: operatorProcedure
    .input(byId)
    .output(tenantView)
    .mutation(({ ctx, input }) => tenants.setSuspended(ctx, input.tenant_id, true)),

  /** Its agents are served again from the next revision on. */
  resume: operatorProcedure
    .input(byId)
    .output(tenantView)
    .mutation(({ ctx, input }) => tenants.setSuspended(ctx, input.tenant_id, false)),

  /** Its data plane follows: another size, another quota. */
  set_plan: operatorProcedure
    .input(byId.extend({ plan: planName }))
    .output(tenantView)
    .mutation(({ ctx, input }) => tenants.setPlan(ctx, input.tenant_id, input.plan)),

  /** Settings that are left out stay as they are. `expected_revision` is the tenant's. */
  update_settings: tenantProcedure
    .input(z.strictObject({ settings, ...expectedRevision }))
    .output(tenantView)
    .mutation(({ ctx, input }) => tenants.updateSettings(ctx, input.settings, input.expected_revision)),
});
