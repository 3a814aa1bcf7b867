import { priorityClass } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { type Part, selector } from "./metadata.ts";

/** Where pods of a workload may stand: spread over zones and nodes, each revision of them for itself. */
export function placement({ numbers, spec }: Tenant, part: Exclude<Part, "tenant">) {
  const labelSelector = { matchLabels: selector(part) };
  const spread = {
    maxSkew: 1,
    labelSelector,
    // Pods of the revision before would count as if they stayed.
    matchLabelKeys: ["pod-template-hash"],
    // A node that no pod of ours may use is no reason to wait for one in its zone.
    nodeTaintsPolicy: "Honor",
  };
  return {
    priorityClassName: priorityClass(spec.plan),
    topologySpreadConstraints: [
      {
        ...spread,
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: numbers.zones === "required" ? "DoNotSchedule" : "ScheduleAnyway",
      },
      { ...spread, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
    ],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: "kubernetes.io/hostname", labelSelector } },
        ],
      },
    },
    ...(spec.cluster.runtimeClass !== null && { runtimeClassName: spec.cluster.runtimeClass }),
  };
}
