/** Objects that several parts of the platform have, each of them made in the same way. */
import type { types } from "@pulumi/kubernetes";
import type { Manifest } from "../../manifest.ts";
import { objectLabels, selectorLabels } from "./object-labels.ts";

/** What an object is called, where it lies, and of which part and region it is. */
export interface Where {
  readonly name: string;
  readonly namespace: string;
  readonly part: string;
  readonly region: string;
}

export function metadata({ name, namespace, part, region }: Where) {
  return { name, namespace, labels: objectLabels(part, region) };
}

/** An identity whose token is mounted nowhere, unless its pod asks for it. */
export function serviceAccount(where: Where): Manifest {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadata(where),
    automountServiceAccountToken: false,
  };
}

/** Reached within the cluster. Nobody waits for its first pod: clients try again. */
export function service(where: Where, ports: types.input.core.v1.ServicePort[]): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata(where), annotations: { "pulumi.com/skipAwait": "true" } },
    spec: {
      type: "ClusterIP",
      selector: selectorLabels(where.part),
      ports,
    } satisfies types.input.core.v1.ServiceSpec,
  };
}

/** One at a time, also where there is but one: a minimum would keep its host from ever being drained. */
export function disruptionBudget(where: Where): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(where),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: selectorLabels(where.part) },
    } satisfies types.input.policy.v1.PodDisruptionBudgetSpec,
  };
}
