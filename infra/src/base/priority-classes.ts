import type { Manifest } from "../manifest.ts";
import { priorityClass } from "../names.ts";
import type { PLANS } from "../plans.ts";
import type { BaseConfig } from "./base-config.ts";
import { objectLabels } from "./kubernetes/object-labels.ts";

/** The platform's own pods go before every tenant's. Higher goes first; Kubernetes' own classes are above 2 billion. */
const PRIORITIES = {
  system: 1_000_000,
  enterprise: 100_000,
  team: 10_000,
  starter: 1_000,
} as const satisfies Record<keyof typeof PLANS | "system", number>;

/** One class for each plan, and one for the platform. The cheapest plan never pushes anybody else's pods out. */
export function priorityClasses({ region }: Pick<BaseConfig, "region">): Manifest[] {
  return Object.entries(PRIORITIES).map(([plan, value]) => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: priorityClass(plan), labels: objectLabels("priority-classes", region) },
    value,
    globalDefault: false,
    preemptionPolicy: plan === "starter" ? "Never" : "PreemptLowerPriority",
    description: plan === "system" ? "The platform itself." : `Data planes and agents of the plan ${plan}.`,
  }));
}
