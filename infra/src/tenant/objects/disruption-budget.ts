import type { policy } from "@pulumi/kubernetes";
import { DATA_PLANE } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { metadata, selector } from "./metadata.ts";

/**
 * A node is emptied of one replica at a time. No plan has fewer than two, so there is always one that may go, and one
 * that stays; a replica that is not ready serves nobody and may always go.
 */
export function disruptionBudget(tenant: Tenant) {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(tenant, DATA_PLANE),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: selector(DATA_PLANE) },
    },
  } satisfies policy.v1.PodDisruptionBudgetArgs;
}
