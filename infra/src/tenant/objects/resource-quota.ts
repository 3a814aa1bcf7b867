/**
 * What a tenant may hold of the cluster. CPU is bounded by requests alone: our pods have no CPU limit, because a limit
 * cuts the bursts that a proxy lives on, and a quota of limits would refuse every pod without one.
 */
import type { core } from "@pulumi/kubernetes";
import { priorityClass } from "../../names.ts";
import { mebibytes, millicores } from "../../quantity.ts";
import { type PodSize, podsAtMost, STATE_VOLUME_MIB } from "../pod-sizes.ts";
import type { Tenant } from "../tenant.ts";
import { metadata } from "./metadata.ts";

export function resourceQuota(tenant: Tenant) {
  const pods = podsAtMost(tenant);
  const sum = (of: (size: PodSize) => number) =>
    pods.reduce((total, { count, size }) => total + count * of(size), 0);
  const memory = mebibytes(sum(({ memoryMib }) => memoryMib));
  const disk = mebibytes(sum(({ diskMib }) => diskMib));
  const persistent = tenant.spool === "persistent";
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: metadata(tenant, "tenant"),
    spec: {
      hard: {
        "requests.cpu": millicores(sum(({ cpuMillicores }) => cpuMillicores)),
        "requests.memory": memory,
        "limits.memory": memory,
        "requests.ephemeral-storage": disk,
        "limits.ephemeral-storage": disk,
        pods: String(pods.reduce((total, { count }) => total + count, 0)),
        services: "2",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        persistentvolumeclaims: persistent ? "1" : "0",
        "requests.storage": persistent ? mebibytes(STATE_VOLUME_MIB) : "0",
        // One more than there are, for one that takes another's place. Kubernetes keeps a ConfigMap here too.
        secrets: "2",
        configmaps: "3",
        "count/jobs.batch": "0",
        "count/cronjobs.batch": "0",
      },
    },
  } satisfies core.v1.ResourceQuotaArgs;
}

/** Pods of any other class than the plan's are none at all, so that nobody gets ahead by naming another one. */
export function priorityQuota(tenant: Tenant) {
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: metadata(tenant, "tenant", "tenant-other-priorities"),
    spec: {
      hard: { pods: "0" },
      scopeSelector: {
        matchExpressions: [
          { scopeName: "PriorityClass", operator: "NotIn", values: [priorityClass(tenant.spec.plan)] },
        ],
      },
    },
  } satisfies core.v1.ResourceQuotaArgs;
}
