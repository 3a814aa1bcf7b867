import { isDeepStrictEqual } from "node:util";
import { clusterSettings } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Services } from "../../api/trpc/context.ts";
import { operatorProcedure, router } from "../../api/trpc/procedures.ts";
import { withPlatform } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";
import { pageOf, pageSchema } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { unixMs, viewOf } from "../../lib/view.ts";
import { kubeconfigOf, sealKubeconfig } from "./cluster-access.ts";
import { regionName } from "./region-name.ts";
import {
  countDataPlanes,
  deleteRegion,
  findRegion,
  insertRegion,
  listRegions,
  lockRegion,
  type RegionRow,
  updateRegion,
} from "./repository.ts";

const jwk = z.record(z.string().max(64), z.unknown());

const issuer = z.strictObject({
  /** Exactly the `iss` of the tokens. */
  url: z.string().min(1).max(2_048),
  jwks: z.strictObject({ keys: z.array(jwk).min(1).max(100) }).optional(),
  jwks_url: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional(),
  /** Lets the keys be fetched without TLS, from an address of this machine or of a private network. */
  allow_http: z.boolean().optional(),
});

/** Everything but the kubeconfig, of which only whether there is one. */
const regionSchema = z.strictObject({
  name: regionName,
  cluster: z.record(z.string(), z.unknown()),
  issuer,
  access: z.enum(["in_cluster", "kubeconfig"]),
  generation: z.number().int().positive(),
  cordoned: z.boolean(),
  created_at: unixMs,
  updated_at: unixMs,
});
const shown = viewOf(regionSchema);

const putInput = z.strictObject({
  name: regionName,
  /** What the programs of the region and of its cluster gave as outputs. */
  cluster: clusterSettings,
  /** Who signs the tokens of the cluster's ServiceAccounts: the keys themselves, or where they are. */
  issuer: issuer.refine(({ jwks, jwks_url }) => (jwks === undefined) !== (jwks_url === undefined), {
    error: "needs either jwks or jwks_url",
  }),
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
    .mutation(async ({ ctx: { services }, input }) => {
      if (input.cluster.region !== input.name)
        throw new Fault("api.invalid_input", {
          parameter: "cluster.region",
          detail: "It must be the region's name.",
        });
      const row = await withPlatform(services.db, (tx) => put(tx, services, input));
      services.logger.info({ region: row.name, generation: row.generation }, "region was put");
      return regionView(row);
    }),

  /** One region, without its access. */
  get: operatorProcedure
    .input(byName)
    .output(regionSchema)
    .query(async ({ ctx: { services }, input }) =>
      regionView(requireFound(await withPlatform(services.db, (tx) => findRegion(tx, input.name)))),
    ),

  /** In the order of their names. */
  list: operatorProcedure
    .input(
      z.strictObject({ cursor: regionName.optional(), limit: z.number().int().min(1).max(200).default(50) }),
    )
    .output(pageSchema(regionSchema))
    .query(async ({ ctx: { services }, input }) => {
      const page = { after: input.cursor, limit: input.limit + 1 };
      const rows = await withPlatform(services.db, (tx) => listRegions(tx, page));
      return pageOf(rows, input.limit, { cursor: ({ name }) => name, view: regionView });
    }),

  /** Faults: `api.conflict` while data planes live there. */
  delete: operatorProcedure
    .input(byName)
    .output(byName)
    .mutation(async ({ ctx: { services }, input }) => {
      await withPlatform(services.db, async (tx) => {
        requireFound(await lockRegion(tx, input.name));
        const count = await countDataPlanes(tx, input.name);
        if (count > 0) throw new Fault("api.conflict", { detail: `${count} data planes live there.` });
        await deleteRegion(tx, input.name);
      });
      services.logger.info({ region: input.name }, "region was deleted");
      return { name: input.name };
    }),
});

async function put(
  tx: Parameters<typeof findRegion>[0],
  { keyWrapper, clock }: Services,
  { name, cluster, issuer, access, cordoned }: z.infer<typeof putInput>,
): Promise<RegionRow> {
  const now = clock.wallMs();
  const before = await lockRegion(tx, name);
  const kubeconfig = access !== undefined && "kubeconfig" in access ? access.kubeconfig : undefined;
  const sealed = kubeconfig === undefined ? null : await sealKubeconfig(keyWrapper, name, kubeconfig);
  const told = { cluster, issuer: withoutAbsent(issuer), cordoned: cordoned ?? before?.cordoned ?? false };
  if (before === undefined) {
    if (access === undefined)
      throw new Fault("api.invalid_input", { parameter: "access", detail: "A new region needs it." });
    return insertRegion(tx, { name, ...told, kubeconfig: sealed, created_at: now, updated_at: now });
  }
  const sameAccess =
    access === undefined ||
    (kubeconfig === undefined
      ? before.kubeconfig === null
      : before.kubeconfig !== null && (await kubeconfigOf(keyWrapper, before)) === kubeconfig);
  const follows = !sameAccess || !isDeepStrictEqual(before.cluster, cluster);
  const set = {
    ...told,
    ...(sameAccess ? {} : { kubeconfig: sealed }),
    ...(follows ? { generation: before.generation + 1, updated_at: now } : {}),
  };
  return requireFound(await updateRegion(tx, before, set));
}

/** A member that is absent and one that is undefined are one to JSON, but not to the types. */
function withoutAbsent({
  url,
  jwks,
  jwks_url,
  allow_http,
}: z.infer<typeof putInput>["issuer"]): RegionRow["issuer"] {
  return {
    url,
    ...(jwks === undefined ? {} : { jwks }),
    ...(jwks_url === undefined ? {} : { jwks_url }),
    ...(allow_http === undefined ? {} : { allow_http }),
  };
}

function regionView({ kubeconfig, ...row }: RegionRow) {
  return shown({ ...row, access: kubeconfig === null ? "in_cluster" : "kubeconfig" });
}
