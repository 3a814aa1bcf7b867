/** What the suite asks of the pods of one tenant. */

import { until } from "../../harness/until.ts";
import type { ClusterNode } from "../node/cluster-node.ts";

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly containerID?: string;
      readonly state: { readonly terminated?: { readonly exitCode: number; readonly reason?: string } };
    }[];
  };
}

const SELECTOR = "app.kubernetes.io/name=data-plane";

export async function dataPlanePods(
  { kubectl }: Pick<ClusterNode, "kubectl">,
  namespace: string,
): Promise<Pod[]> {
  const list = await kubectl(["-n", namespace, "get", "pods", "-l", SELECTOR, "-o", "json"]);
  return (JSON.parse(list) as { items: Pod[] }).items;
}

export function isReady({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    (status.conditions?.some(({ type, status: holds }) => type === "Ready" && holds === "True") ?? false)
  );
}

/** Resolves with the pods when so many of them are ready and nothing else is there. */
export function onlyReadyPods(
  cluster: Pick<ClusterNode, "kubectl">,
  namespace: string,
  count: number,
  seconds = 120,
): Promise<Pod[]> {
  return until({ what: `${count} ready pods in ${namespace}`, seconds, everyMs: 500 }, async () => {
    const pods = await dataPlanePods(cluster, namespace);
    return pods.length === count && pods.every(isReady) ? pods : undefined;
  });
}

/** Resolves with the pods that are to stay when all of these are ready; how many is the autoscaler's to say. */
export function allReadyPods(
  cluster: Pick<ClusterNode, "kubectl">,
  namespace: string,
  seconds = 120,
): Promise<Pod[]> {
  return until({ what: `all pods of ${namespace} are ready`, seconds, everyMs: 500 }, async () => {
    const pods = await dataPlanePods(cluster, namespace);
    const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return staying.length >= 2 && staying.every(isReady) ? staying : undefined;
  });
}
