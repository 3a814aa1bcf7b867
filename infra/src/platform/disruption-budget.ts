import type { types } from "@pulumi/kubernetes";
import type { Manifest } from "../base/kubernetes/manifest.ts";
import { objectLabels, selectorLabels } from "../base/kubernetes/object-labels.ts";
import { SYSTEM_NAMESPACES } from "../names.ts";

/** One at a time; those that do not work anyway never hold up a host's drain. */
export function disruptionBudget(part: string, region: string): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: part, namespace: SYSTEM_NAMESPACES.system, labels: objectLabels(part, region) },
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: selectorLabels(part) },
    } satisfies types.input.policy.v1.PodDisruptionBudgetSpec,
  };
}
