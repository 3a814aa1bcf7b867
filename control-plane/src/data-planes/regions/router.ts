import { clusterSettings } from "@headgate/sdk/contract";
import { z } from "zod";
import { operatorProcedure, router } from "../../api/trpc/procedures.ts";
import { pageSchema } from "../../lib/page.ts";
import { regionName } from "./region-name.ts";
import { regions } from "./service.ts";
import { regionIssuerInput, regionSchema } from "./views.ts";

const putInput = z.strictObject({
  name: regionName,
  /** What the programs of the region and of its cluster gave as outputs. */
  cluster: clusterSettings,
  /** Who signs the tokens of the cluster's ServiceAccounts: the keys themselves, or where they are. */
  issuer: regionIssuerInput.refine(
    ({ jwks, jwks_url }) => (jwks === undefined) !== (jwks_url === undefined),
    {
      error: "needs either jwks or jwks_url",
    },
  ),
  /** Write-only. May be left out when a region that is there is changed. */
  access: z
    .union([
      z.strictObject({ kubeconfig: z.string().min(1).max(200_000) }),
      z.strictObject({ in_cluster: z.literal(true) }),
    ])
    .optional(),
  /** No new data planes. */
  cordoned: z.boolean().optional(),
});

const byName = z.strictObject({ name: regionName });

/** The clusters that data planes are provisioned on. */
export const regionsRouter = router({
  /** Makes it, or replaces what is said of it; data planes that live there follow a change of its cluster or access, not all at once. */
  put: operatorProcedure
    .input(putInput)
    .output(regionSchema)
    .mutation(({ ctx, input }) => regions.put(ctx.services, input)),

  /** One region, without its access. */
  get: operatorProcedure
    .input(byName)
    .output(regionSchema)
    .query(({ ctx, input }) => regions.get(ctx.services, input.name)),

  /** In the order of their names. */
  list: operatorProcedure
    .input(
      z.strictObject({ cursor: regionName.optional(), limit: z.number().int().min(1).max(200).default(50) }),
    )
    .output(pageSchema(regionSchema))
    .query(({ ctx, input }) => regions.list(ctx.services, input)),

  /** Faults: `api.conflict` while data planes live there. */
  delete: operatorProcedure
    .input(byName)
    .output(byName)
    .mutation(({ ctx, input }) => regions.delete(ctx.services, input.name)),
});
