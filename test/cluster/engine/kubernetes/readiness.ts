import { getAt } from "../property-path.ts";
import { isObject, type Json } from "../wire.ts";
import type { KubernetesClient, KubernetesObject } from "./client.ts";
import { podErrors } from "./pod-errors.ts";
import { conditionsOf, holds, parseWaitFor } from "./wait-for.ts";

/** What one look at an object says: ready, not yet (and why), or hopeless. */
export type Verdict =
  | { readonly state: "ready" }
  | { readonly state: "waiting"; readonly reasons: string[] }
  | { readonly state: "failed"; readonly reasons: string[] };

export type Check = (object: KubernetesObject, client: KubernetesClient) => Promise<Verdict> | Verdict;

/** The check that an object is waited on by, or none if its creation is all there is to it. */
export function readinessCheck(object: KubernetesObject, awaitAll: boolean): Check | undefined {
  const annotations = (getAt(object, ["metadata", "annotations"]) ?? {}) as Record<string, string>;
  if (annotations["pulumi.com/skipAwait"] === "true") return undefined;
  const waitFor = annotations["pulumi.com/waitFor"];
  if (waitFor !== undefined) {
    const expressions = parseWaitFor(waitFor);
    return (live) =>
      readyIf(
        expressions.every((expression) => holds(expression, live)),
        `waiting for ${expressions.join(", ")}`,
      );
  }
  return BY_KIND[`${object.apiVersion}/${object.kind}`] ?? (awaitAll ? generic : undefined);
}

const BY_KIND: Record<string, Check> = {
  "apps/v1/Deployment": async (object, client) => {
    const progress = condition(object, "Progressing");
    const desired = number(object, "spec", "replicas", 1);
    const counts = ["updatedReplicas", "readyReplicas", "availableReplicas"].map((key) =>
      number(object, "status", key),
    );
    const rolledOut =
      isObserved(object) &&
      counts.every((count) => count >= desired) &&
      number(object, "status", "replicas") === desired;
    if (rolledOut && (desired === 0 || condition(object, "Available")?.status === "True")) return READY;
    if (isObserved(object) && progress?.reason === "ProgressDeadlineExceeded") {
      const text = [progress, condition(object, "Available")].flatMap((item) =>
        item === undefined || (item.type === "Available" && item.status === "True")
          ? []
          : [`[${item.reason}] ${item.message}`],
      );
      return { state: "failed", reasons: [...text, ...(await podErrors(client, object))] };
    }
    return { state: "waiting", reasons: await podErrors(client, object) };
  },
  "apps/v1/StatefulSet": async (object, client) => {
    const desired = number(object, "spec", "replicas", 1);
    const done =
      isObserved(object) &&
      number(object, "status", "readyReplicas") >= desired &&
      (desired === 0 || number(object, "status", "updatedReplicas") >= desired);
    return done ? READY : { state: "waiting", reasons: await podErrors(client, object) };
  },
  "apps/v1/DaemonSet": async (object, client) => {
    const desired = number(object, "status", "desiredNumberScheduled");
    const done =
      isObserved(object) &&
      number(object, "status", "updatedNumberScheduled") >= desired &&
      number(object, "status", "numberAvailable") >= desired;
    return done ? READY : { state: "waiting", reasons: await podErrors(client, object) };
  },
  "batch/v1/Job": (object) => {
    const failed = condition(object, "Failed");
    if (failed?.status === "True")
      return { state: "failed", reasons: [`[${failed.reason}] ${failed.message}`] };
    return readyIf(condition(object, "Complete")?.status === "True", "the Job has not completed");
  },
  "v1/Pod": (object) => {
    const phase = getAt(object, ["status", "phase"]);
    if (phase === "Failed")
      return { state: "failed", reasons: [String(getAt(object, ["status", "message"]) ?? "the Pod failed")] };
    return readyIf(
      phase === "Succeeded" || condition(object, "Ready")?.status === "True",
      "the Pod is not ready",
    );
  },
  "v1/Service": async (object, client) => {
    const type = getAt(object, ["spec", "type"]);
    if (type === "LoadBalancer" && !isFilled(getAt(object, ["status", "loadBalancer", "ingress"]))) {
      return { state: "waiting", reasons: ["no external address was assigned to the Service"] };
    }
    if (type === "ExternalName" || !isObject(getAt(object, ["spec", "selector"]))) return READY;
    if (getAt(object, ["spec", "clusterIP"]) === "None") return READY;
    const selector = `kubernetes.io/service-name=${object.metadata.name}`;
    const slices = await client.list(
      "discovery.k8s.io/v1",
      "EndpointSlice",
      object.metadata.namespace ?? "",
      selector,
    );
    const endpoints = slices.flatMap((slice) =>
      Array.isArray(slice["endpoints"]) ? slice["endpoints"] : [],
    );
    const ready = endpoints.some((endpoint) => getAt(endpoint, ["conditions", "ready"]) !== false);
    return readyIf(ready, "the Service does not target any ready Pods");
  },
  "networking.k8s.io/v1/Ingress": (object) =>
    readyIf(
      isFilled(getAt(object, ["status", "loadBalancer", "ingress"])),
      "no address was assigned to the Ingress",
    ),
  "v1/PersistentVolume": (object) =>
    readyIf(
      ["Available", "Bound"].includes(String(getAt(object, ["status", "phase"]))),
      "the volume is not available",
    ),
  "v1/PersistentVolumeClaim": async (object, client) => {
    if (getAt(object, ["status", "phase"]) === "Bound") return READY;
    const className = getAt(object, ["spec", "storageClassName"]);
    if (typeof className === "string" && className !== "") {
      const storageClass = await client.find("storage.k8s.io/v1", "StorageClass", undefined, className);
      // Such a claim is bound only once a pod uses it: waiting here would wait for ever.
      if (storageClass?.["volumeBindingMode"] === "WaitForFirstConsumer") return READY;
    }
    return { state: "waiting", reasons: ["the claim is not bound"] };
  },
  "v1/ResourceQuota": (object) => {
    const wanted = getAt(object, ["spec", "hard"]);
    const known = getAt(object, ["status", "hard"]);
    const all = isObject(wanted) ? Object.keys(wanted).every((key) => isObject(known) && key in known) : true;
    return readyIf(all, "the quota's status is not computed yet");
  },
  "v1/Secret": (object) =>
    readyIf(
      object["type"] !== "kubernetes.io/service-account-token" || isObject(object["data"]),
      "the token is not issued yet",
    ),
};

const READY: Verdict = { state: "ready" };

function generic(object: KubernetesObject): Verdict {
  const ready = condition(object, "Ready");
  const observed = isObserved(object, object.metadata.generation);
  return readyIf(observed && (ready === undefined || ready.status === "True"), ready?.message ?? "not ready");
}

function readyIf(ready: boolean, reason: string): Verdict {
  return ready ? READY : { state: "waiting", reasons: [reason] };
}

/** Whether the status speaks of the present specification; not every kind's status says which one it speaks of. */
function isObserved(object: KubernetesObject, unsaid = 0): boolean {
  return number(object, "status", "observedGeneration", unsaid) >= (object.metadata.generation ?? 0);
}

function condition(object: KubernetesObject, type: string) {
  return conditionsOf(object).find((item) => item["type"] === type) as
    | { type: string; status: string; reason: string; message: string }
    | undefined;
}

function number(object: KubernetesObject, part: string, key: string, absent = 0): number {
  const value = getAt(object, [part, key]);
  return typeof value === "number" ? value : absent;
}

function isFilled(value: Json | undefined): boolean {
  return Array.isArray(value) && value.length > 0;
}
