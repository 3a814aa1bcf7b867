import { type ClusterSettings, clusterSettings } from "@headgate/sdk/contract";
import { z } from "zod";
import type { RegionRow } from "../../db/schema/provisioning.ts";
import { count, unixMs, viewOf } from "../../lib/view.ts";
import { regionName } from "./region-name.ts";

const cluster: z.ZodType<ClusterSettings> = clusterSettings;
/** RFC 7517; members that are not known are passed over. */
const jwk = z.record(z.string().max(64), z.unknown());

const regionIssuerInput = z.strictObject({
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

export const regionInput = z.strictObject({
  name: regionName,
  /** What the programs of the region and of its cluster gave as outputs. */
  cluster: clusterSettings,
  /** Who signs the tokens of the cluster's ServiceAccounts: the keys themselves, or where they are. */
  issuer: regionIssuerInput.refine(
    ({ jwks, jwks_url }) => (jwks === undefined) !== (jwks_url === undefined),
    { error: "needs either jwks or jwks_url" },
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
  /** Refused when the region is at another one by then; 0 for one that shall be new. */
  expected_generation: count.optional(),
});

/** Everything but the kubeconfig, of which only whether there is one. */
export const regionSchema = z.strictObject({
  name: regionName,
  /** Null where it was put in a form of before: it has to be put again. */
  cluster: cluster.nullable(),
  issuer: regionIssuerInput,
  access: z.enum(["in_cluster", "kubeconfig"]),
  generation: z.number().int().positive(),
  cordoned: z.boolean(),
  created_at: unixMs,
  updated_at: unixMs,
});
const shown = viewOf(regionSchema);

export function regionView({ kubeconfig, ...row }: RegionRow) {
  const known = cluster.safeParse(row.cluster);
  return shown({
    ...row,
    cluster: known.success ? known.data : null,
    access: kubeconfig === null ? "in_cluster" : "kubeconfig",
  });
}
