/** What the pods of the platform have in common. */
import type { types } from "@pulumi/kubernetes";

/** Memory is request and limit at once; CPU has no limit, since throttling hurts bursts. */
export function resources(
  cpuMillicores: number,
  memoryMib: number,
): types.input.core.v1.ResourceRequirements {
  return {
    requests: { cpu: `${cpuMillicores}m`, memory: `${memoryMib}Mi`, "ephemeral-storage": "64Mi" },
    limits: { memory: `${memoryMib}Mi` },
  };
}

/** Over zones and hosts as far as there are any; pods of an earlier revision do not count. */
export function spread(matchLabels: Record<string, string>): types.input.core.v1.TopologySpreadConstraint[] {
  return ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels },
    matchLabelKeys: ["pod-template-hash"],
  }));
}
