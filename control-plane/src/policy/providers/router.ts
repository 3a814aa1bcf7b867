import { idOf, snapshotProvider } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { defined } from "../../lib/defined.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { expectedRevision } from "../resource.ts";
import { providers, providerView } from "./service.ts";

const { name, base_url, allowed_cidrs } = snapshotProvider.shape;
const { dialect } = providerView.shape;
const vendor = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "must be a vendor's name in lower case");
/** Visible ASCII, since it is sent in a header. */
const credential = z.string().regex(/^[\x21-\x7e]{1,8192}$/, "must be 1 to 8192 visible ASCII characters");
const byId = z.strictObject({ provider_id: idOf("provider") });
const target = byId.extend(expectedRevision);

export const providersRouter = router({
  /** Where models are called. The credential is kept sealed and never shown again. */
  create: tenantProcedure
    .input(
      z.strictObject({
        name,
        dialect,
        vendor,
        base_url,
        credential: credential.optional(),
        allowed_cidrs: allowed_cidrs.default([]),
      }),
    )
    .output(providerView)
    .mutation(({ ctx, input: { credential, ...content } }) =>
      providers.create(ctx, { ...content, ...defined({ credential }) }),
    ),

  /** One provider, without its credential. */
  get: tenantProcedure
    .input(byId)
    .output(providerView)
    .query(({ ctx, input }) => providers.get(ctx, input.provider_id)),

  /** In the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(providerView))
    .query(({ ctx, input }) => providers.list(ctx, input)),

  /** What is left out stays as it is. Calls that are under way end where they began. */
  update: tenantProcedure
    .input(
      target.extend({
        name: name.optional(),
        base_url: base_url.optional(),
        allowed_cidrs: allowed_cidrs.optional(),
      }),
    )
    .output(providerView)
    .mutation(({ ctx, input: { provider_id: id, expected_revision, ...changes } }) =>
      providers.update(ctx, { id, expected_revision }, defined(changes)),
    ),

  /** Replaces the credential; it is never shown again. */
  set_credential: tenantProcedure
    .input(target.extend({ credential }))
    .output(providerView)
    .mutation(({ ctx, input: { provider_id: id, expected_revision, credential } }) =>
      providers.setCredential(ctx, { id, expected_revision }, credential),
    ),

  /** Not while a route has a target there. */
  delete: tenantProcedure
    .input(target)
    .output(providerView)
    .mutation(({ ctx, input: { provider_id: id, expected_revision } }) =>
      providers.delete(ctx, { id, expected_revision }),
    ),
});
