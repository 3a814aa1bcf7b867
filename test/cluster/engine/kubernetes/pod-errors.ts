import { getAt } from "../property-path.ts";
import { isObject, type Json, type JsonObject } from "../wire.ts";
import type { KubernetesClient, KubernetesObject } from "./client.ts";

/** Why a workload's pods are not ready: the containers' reasons, and warnings about pods or their absence. */
export async function podErrors(client: KubernetesClient, workload: KubernetesObject): Promise<string[]> {
  const namespace = workload.metadata.namespace ?? "";
  const labels = getAt(workload, ["spec", "selector", "matchLabels"]);
  if (!isObject(labels)) return [];
  const selector = Object.entries(labels)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(",");
  const pods = await client.list("v1", "Pod", namespace, selector).catch(() => []);
  const reasons = pods.flatMap((pod) => containerReasons(pod));
  const sets = await client.list("apps/v1", "ReplicaSet", namespace, selector).catch(() => []);
  const about = new Set([workload, ...pods, ...sets].map(({ metadata }) => metadata.uid));
  const events = await client.list("v1", "Event", namespace, "").catch(() => []);
  const warnings = events
    .filter(
      (event) => event["type"] === "Warning" && about.has(String(getAt(event, ["involvedObject", "uid"]))),
    )
    .map((event) => `[${String(event["reason"])}] ${String(event["message"])}`);
  return [...new Set([...reasons, ...warnings])];
}

function containerReasons(pod: KubernetesObject): string[] {
  const statuses = ["initContainerStatuses", "containerStatuses"].flatMap((key) =>
    list(getAt(pod, ["status", key])),
  );
  const stuck = statuses.flatMap((status) => {
    if (status["ready"] === true) return [];
    const waiting = getAt(status, ["state", "waiting"]) ?? getAt(status, ["lastState", "terminated"]);
    if (
      !isObject(waiting) ||
      waiting["reason"] === "ContainerCreating" ||
      waiting["reason"] === "PodInitializing"
    )
      return [];
    return [
      `[Pod ${pod.metadata.name}] container ${String(status["name"])} -- [${String(waiting["reason"])}] ${String(waiting["message"] ?? "")}`,
    ];
  });
  const unschedulable = list(getAt(pod, ["status", "conditions"]))
    .filter((condition) => condition["type"] === "PodScheduled" && condition["status"] === "False")
    .map(
      (condition) =>
        `[Pod ${pod.metadata.name}] [${String(condition["reason"])}] ${String(condition["message"])}`,
    );
  return [...stuck, ...unschedulable];
}

function list(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
