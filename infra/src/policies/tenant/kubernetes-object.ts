/** An object as rules see it: what it will be on the cluster, whoever asks. */
import { z } from "zod";
import { at, listAt } from "../values.ts";

export interface KubernetesObject {
  readonly urn: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** As given: nothing of it was checked. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** The name of the provider that it is made through; undefined where that is not known. */
  readonly provider: string | undefined;
}

/** Looks at one object: why it is refused, one sentence a reason. */
export interface ObjectRule {
  readonly name: string;
  readonly description: string;
  readonly check: (object: KubernetesObject) => readonly string[];
}

/** Looks at all objects of a stack together. */
export interface StackRule {
  readonly name: string;
  readonly description: string;
  readonly check: (objects: readonly KubernetesObject[]) => readonly string[];
}

/** What of a manifest says what it is. Undefined for what is no Kubernetes object. */
export function readObject(
  urn: string,
  props: Readonly<Record<string, unknown>>,
  provider?: string,
): KubernetesObject | undefined {
  const parsed = identified.safeParse(props);
  if (!parsed.success) return undefined;
  const { apiVersion, kind, metadata } = parsed.data;
  return { urn, apiVersion, kind, ...metadata, manifest: props, provider };
}

const identified = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z
    .looseObject({
      name: z.string().catch(""),
      namespace: z.string().optional().catch(undefined),
      labels: z.record(z.string(), z.string()).catch({}),
    })
    .transform(({ name, namespace, labels }) => ({ name, namespace, labels })),
});

/** The specification of the pods that an object makes, if it makes any. */
export function podSpecOf({ kind, manifest }: KubernetesObject): unknown {
  switch (kind) {
    case "Pod":
      return at(manifest, "spec");
    case "CronJob":
      return at(manifest, "spec", "jobTemplate", "spec", "template", "spec");
    case "Deployment":
    case "StatefulSet":
    case "DaemonSet":
    case "ReplicaSet":
    case "ReplicationController":
    case "Job":
      return at(manifest, "spec", "template", "spec");
    default:
      return undefined;
  }
}

const CONTAINER_LISTS = ["initContainers", "containers", "ephemeralContainers"];

/** All containers of all kinds, each with its name. */
export function containersOf(object: KubernetesObject): readonly { name: string; container: unknown }[] {
  const spec = podSpecOf(object);
  return CONTAINER_LISTS.flatMap((list) => listAt(spec, list)).map((container) => ({
    name: String(at(container, "name")),
    container,
  }));
}
