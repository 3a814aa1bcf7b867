import type { core } from "@pulumi/kubernetes";
import { DATA_PLANE } from "../../names.ts";
import { mebibytes } from "../../quantity.ts";
import { STATE_VOLUME_MIB } from "../pod-sizes.ts";
import type { Tenant } from "../tenant.ts";
import { metadata } from "./metadata.ts";

export const STATE_VOLUME_CLAIM = "data-plane-state";

/**
 * One volume that all replicas write, each in a directory of its own, so that what a lost replica had not reported is
 * found and reported by another. Null where spools are on nodes.
 */
export function stateVolumeClaim(tenant: Tenant) {
  const { persistentClass } = tenant.spec.cluster.storage;
  if (tenant.spool === "node" || persistentClass === null) return null;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      ...metadata(tenant, DATA_PLANE, STATE_VOLUME_CLAIM),
      // It may not be bound before a pod uses it.
      annotations: { "pulumi.com/skipAwait": "true" },
    },
    spec: {
      accessModes: ["ReadWriteMany"],
      storageClassName: persistentClass,
      resources: { requests: { storage: mebibytes(STATE_VOLUME_MIB) } },
    },
  } satisfies core.v1.PersistentVolumeClaimArgs;
}
