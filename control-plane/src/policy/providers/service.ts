import { DIALECTS, snapshotProvider } from "@headgate/sdk/contract";
import { z } from "zod";
import { providers as table } from "../../db/schema/upstreams.ts";
import { viewOf } from "../../lib/view.ts";
import type { TenantSecrets } from "../../secrets/tenant-secrets.ts";
import type { ChangeContext, ChangeServices } from "../change-policy.ts";
import { type ChangeScope, policyResource, resourceMembers, type Target } from "../resource.ts";
import { routesToProvider } from "../routes/repository.ts";
import { checkAllowedCidrs } from "./check-allowed-cidrs.ts";
import { checkBaseUrl } from "./check-base-url.ts";

type ProviderRow = typeof table.$inferSelect;

interface ProviderServices extends ChangeServices {
  readonly secrets: TenantSecrets;
  /** The networks that are not the public internet and that tenants' providers may be in, in CIDR notation. */
  readonly privateNetworks: readonly string[];
}
type Context = ChangeContext<ProviderServices>;

/** Never the credential, only whether there is one. */
export const providerView = snapshotProvider.omit({ sealed_credential: true }).extend({
  dialect: z.enum(DIALECTS),
  has_credential: z.boolean(),
  /** Rises with each credential. */
  secret_version: z.number().int().nonnegative(),
  ...resourceMembers,
});
const shown = viewOf(providerView);

const resource = policyResource({
  kind: "provider",
  plural: "providers",
  table,
  max: 1_000,
  view: (row: ProviderRow) => shown({ ...row, has_credential: row.credential !== null }),
  usersOf: (tx, { id }) => routesToProvider(tx, id),
});

type Content = Pick<ProviderRow, "name" | "dialect" | "vendor" | "base_url" | "allowed_cidrs">;

export const providers = {
  get: resource.get,
  list: resource.list,
  delete: resource.delete,

  create(ctx: Context, { credential: secret, ...content }: Content & { credential?: string }) {
    const base_url = checkedUrl(ctx, content);
    return resource.create(ctx, async (made, { tenant }) => {
      const secret_version = secret === undefined ? 0 : 1;
      const place = { id: made.id, version: secret_version };
      const credential = secret === undefined ? null : await ctx.services.secrets.seal(tenant, place, secret);
      return { ...made, ...content, base_url, credential, secret_version };
    });
  },

  update(
    ctx: Context,
    target: Target<"provider">,
    changes: Partial<Pick<Content, "name" | "base_url" | "allowed_cidrs">>,
  ) {
    return resource.update(ctx, target, async (before) => {
      if (changes.base_url === undefined && changes.allowed_cidrs === undefined) return changes;
      return { ...changes, base_url: checkedUrl(ctx, { ...before, ...changes }) };
    });
  },

  setCredential(ctx: Context, target: Target<"provider">, secret: string) {
    const change = async ({ id, secret_version }: ProviderRow, { tenant }: ChangeScope) => {
      const version = secret_version + 1;
      const credential = await ctx.services.secrets.seal(tenant, { id, version }, secret);
      return { credential, secret_version: version };
    };
    return resource.update(ctx, target, change, { verb: "set_credential" });
  },
};

/** The base URL in the form in which it is stored. Faults: `api.invalid_input` for what a data plane must not call. */
function checkedUrl(
  { services }: Context,
  { base_url, allowed_cidrs }: Pick<Content, "base_url" | "allowed_cidrs">,
): string {
  return checkBaseUrl(base_url, checkAllowedCidrs(allowed_cidrs, services.privateNetworks));
}
