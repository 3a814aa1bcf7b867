import { priorityClasses } from "@headgate/infra/base";
import type { ClusterNode } from "../node/cluster-node.ts";
import { REGION } from "./cluster-settings.ts";

type Cluster = Pick<ClusterNode, "kubectl">;

/** Every pod of a tenant names the class of its plan, which `base` makes on a cluster of its own. */
export async function ensurePriorityClasses({ kubectl }: Cluster): Promise<void> {
  const there = new Set((await kubectl(["get", "priorityclasses", "-o", "name"])).trim().split("\n"));
  const missing = priorityClasses({ region: REGION }).filter(
    ({ metadata }) => !there.has(`priorityclass.scheduling.k8s.io/${metadata.name}`),
  );
  if (missing.length > 0) await kubectl(["create", "-f", "-"], missing);
}

/** For `base` itself, which adopts nothing that it did not make. */
export async function removePriorityClasses({ kubectl }: Cluster): Promise<void> {
  const names = priorityClasses({ region: REGION }).map(({ metadata }) => metadata.name);
  await kubectl(["delete", "priorityclasses", ...names, "--ignore-not-found"]);
}
