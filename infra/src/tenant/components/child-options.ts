import type { core } from "@pulumi/kubernetes";
import type { CustomResourceOptions, Resource } from "@pulumi/pulumi";

/**
 * For an object in a namespace. With the namespace it goes too, so nothing else needs to be deleted by itself; without
 * the namespace there is no place to put it.
 */
export function childOptions(
  parent: Resource,
  namespace: core.v1.Namespace,
  after: readonly Resource[] = [],
): CustomResourceOptions {
  return { parent, deletedWith: namespace, dependsOn: [namespace, ...after] };
}

/** Beyond the grace of its pods: what a workload's removal, and then its namespace's, may take. */
export const REMOVAL_SECONDS = 600;

/**
 * For what owns pods. It is deleted by itself, before its namespace: a namespace that still has pods when it is deleted
 * is looked at again only after half of the longest grace among them, however soon they end.
 */
export function workloadOptions(
  parent: Resource,
  namespace: core.v1.Namespace,
  { after, graceSeconds }: { after: readonly Resource[]; graceSeconds: number },
): CustomResourceOptions {
  return {
    parent,
    dependsOn: [namespace, ...after],
    customTimeouts: { create: "15m", update: "15m", delete: `${graceSeconds + REMOVAL_SECONDS}s` },
  };
}
