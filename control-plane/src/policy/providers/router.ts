import { idOf, snapshotProvider } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { requireFreeName } from "../../db/require-free-name.ts";
import { requireRoom } from "../../db/require-room.ts";
import { providers } from "../../db/schema/upstreams.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";
import { pageInput, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { requireUnused } from "../../lib/require-unused.ts";
import { changePolicy } from "../change-policy.ts";
import { checkAllowedCidrs } from "./check-allowed-cidrs.ts";
import { checkBaseUrl } from "./check-base-url.ts";
import {
  deleteProvider,
  findProvider,
  insertProvider,
  listProviders,
  type ProviderRow,
  routesOfProvider,
  updateProvider,
} from "./repository.ts";

const PROVIDERS_MAX = 1_000;

const { name, dialect, base_url, allowed_cidrs } = snapshotProvider.shape;
const vendor = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "must be a vendor's name in lower case");
/** Visible ASCII, since it is sent in a header. */
const credential = z.string().regex(/^[\x21-\x7e]{1,8192}$/, "must be 1 to 8192 visible ASCII characters");
const byId = z.strictObject({ provider_id: idOf("provider") });

export const providersRouter = router({
  create: tenantProcedure
    .input(
      z.strictObject({
        name,
        dialect,
        vendor,
        base_url,
        credential: credential.optional(),
        allowed_cidrs: allowed_cidrs.optional(),
      }),
    )
    .mutation(({ ctx, input: { credential: secret, ...input } }) => {
      const cidrs = input.allowed_cidrs ?? [];
      const url = checkBaseUrl(input.base_url, checkAllowedCidrs(cidrs, ctx.services.privateNetworks));
      return changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "providers.create",
        run: async (tx, tenant) => {
          const id = ctx.services.makeId("provider");
          const version = secret === undefined ? 0 : 1;
          const row: ProviderRow = {
            ...input,
            tenant_id: ctx.tenantId,
            id,
            base_url: url,
            allowed_cidrs: cidrs,
            credential:
              secret === undefined ? null : await ctx.services.secrets.seal(tenant, { id, version }, secret),
            secret_version: version,
            created_at: ctx.services.clock.wallMs(),
          };
          await requireFreeName(tx, providers, row);
          await requireRoom(tx, providers, PROVIDERS_MAX);
          await insertProvider(tx, row);
          return { result: view(row), resource: id, detail: { ...input, base_url: url } };
        },
      });
    }),

  get: tenantProcedure.input(byId).query(async ({ ctx, input }) => {
    const row = await withTenant(ctx.services.db, ctx.tenantId, (tx) => findProvider(tx, input.provider_id));
    return view(requireFound(row));
  }),

  list: tenantProcedure.input(z.strictObject(pageInput)).query(async ({ ctx, input }) => {
    const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      listProviders(tx, input.cursor, input.limit + 1),
    );
    return pageOf(rows, input.limit, { cursor: (row) => row.id, view });
  }),

  update: tenantProcedure
    .input(byId.extend({ base_url: base_url.optional(), allowed_cidrs: allowed_cidrs.optional() }))
    .mutation(({ ctx, input }) => {
      if (input.base_url === undefined && input.allowed_cidrs === undefined)
        throw new Fault("api.invalid_input", { detail: "Nothing to change." });
      return changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "providers.update",
        run: async (tx) => {
          const before = requireFound(await findProvider(tx, input.provider_id));
          const cidrs = input.allowed_cidrs ?? before.allowed_cidrs;
          const networks = checkAllowedCidrs(cidrs, ctx.services.privateNetworks);
          const values = {
            allowed_cidrs: cidrs,
            base_url: checkBaseUrl(input.base_url ?? before.base_url, networks),
          };
          const row = requireFound(await updateProvider(tx, before.id, values));
          return { result: view(row), resource: row.id, detail: values };
        },
      });
    }),

  set_credential: tenantProcedure.input(byId.extend({ credential })).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "providers.set_credential",
      run: async (tx, tenant) => {
        const { id, secret_version } = requireFound(await findProvider(tx, input.provider_id));
        const version = secret_version + 1;
        const sealed = await ctx.services.secrets.seal(tenant, { id, version }, input.credential);
        const row = requireFound(
          await updateProvider(tx, id, { credential: sealed, secret_version: version }),
        );
        return { result: view(row), resource: id, detail: { secret_version: version } };
      },
    }),
  ),

  delete: tenantProcedure.input(byId).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "providers.delete",
      takesAway: true,
      run: async (tx) => {
        const row = requireFound(await findProvider(tx, input.provider_id));
        requireUnused(await routesOfProvider(tx, row.id));
        await deleteProvider(tx, row.id);
        return { result: view(row), resource: row.id, detail: { name: row.name } };
      },
    }),
  ),
});

/** Never the credential, only whether there is one. */
function view({
  id,
  name,
  dialect,
  vendor,
  base_url,
  allowed_cidrs,
  credential,
  secret_version,
  created_at,
}: ProviderRow) {
  return {
    id,
    name,
    dialect,
    vendor,
    base_url,
    allowed_cidrs,
    has_credential: credential !== null,
    secret_version,
    created_at,
  };
}
