import { COLLECTOR, type DATA_PLANE, LABELS } from "../../names.ts";
import type { Tenant } from "../tenant.ts";

/** What an object belongs to. `tenant` is for those that serve the whole namespace. */
export type Part = "tenant" | typeof DATA_PLANE | typeof COLLECTOR;

/** The metadata of an object in the tenant's namespace. */
export function metadata(tenant: Tenant, part: Part, name: string = part) {
  return { name, namespace: tenant.namespace, labels: labels(tenant, part) };
}

/** On every object and every pod of a tenant. */
export function labels({ spec }: Tenant, part: Part): Record<string, string> {
  return {
    [LABELS.tenantId]: spec.tenantId,
    [LABELS.dataPlaneId]: spec.dataPlaneId,
    [LABELS.plan]: spec.plan,
    [LABELS.region]: spec.cluster.region,
    "app.kubernetes.io/name": part,
    "app.kubernetes.io/part-of": "headgate",
    "app.kubernetes.io/managed-by": "pulumi",
    // A collector's version is its own: a new data plane is no reason to restart it.
    "app.kubernetes.io/version": part === COLLECTOR ? shortDigest(spec.collectorImage) : spec.imageVersion,
  };
}

/** What selects the pods of a workload. Selectors cannot be changed, so nothing that may change is in them. */
export function selector(part: Exclude<Part, "tenant">): Record<string, string> {
  return { "app.kubernetes.io/name": part };
}

function shortDigest(image: string): string {
  const digest = "@sha256:";
  return image.slice(image.indexOf(digest) + digest.length).slice(0, 12);
}
