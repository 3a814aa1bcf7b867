import type { core } from "@pulumi/kubernetes";
import { LABELS } from "../../names.ts";
import { podSecurityLabels } from "../../pod-security.ts";
import type { Tenant } from "../tenant.ts";
import { labels } from "./metadata.ts";

/** Named for the tenant's id, never for a name that people choose: that one is a label, and may change. */
export function namespace(tenant: Tenant) {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: tenant.namespace,
      labels: {
        ...labels(tenant, "tenant"),
        [LABELS.role]: "data-plane",
        [LABELS.tenantName]: tenant.spec.tenantName,
        ...podSecurityLabels(tenant.spec.cluster.kubernetesVersion),
      },
      // What the tenant got, which may be less than its plan where the cluster has no such volumes.
      annotations: { "headgate.dev/spool": tenant.spool },
    },
  } satisfies core.v1.NamespaceArgs;
}
