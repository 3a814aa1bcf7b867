/** What keeps tenants apart, and from the cluster. */
import { at, listAt } from "../values.ts";
import type { KubernetesObject, ObjectRule, StackRule } from "./kubernetes-object.ts";

const MODES = ["enforce", "audit", "warn"];
const LABEL = "pod-security.kubernetes.io/";

export const restrictedNamespaces: ObjectRule = {
  name: "restricted-namespaces",
  description: "Namespaces hold their pods to the restricted standard, of a version that is pinned.",
  check: ({ kind, labels }) =>
    kind !== "Namespace"
      ? []
      : MODES.flatMap((mode) => [
          ...(labels[`${LABEL}${mode}`] === "restricted" ? [] : [`${LABEL}${mode} is not restricted.`]),
          ...(/^v1\.\d+$/.test(labels[`${LABEL}${mode}-version`] ?? "")
            ? []
            : [`${LABEL}${mode}-version is not pinned.`]),
        ]),
};

export const innerServices: ObjectRule = {
  name: "inner-services",
  description: "Services are inside the cluster: the only way in is the Gateway.",
  check({ kind, manifest }) {
    if (kind === "Ingress") return ["It is a way in beside the Gateway."];
    if (kind !== "Service") return [];
    const type = at(manifest, "spec", "type") ?? "ClusterIP";
    return [
      ...(type === "ClusterIP" ? [] : [`It is of type ${String(type)}.`]),
      ...(listAt(manifest, "spec", "externalIPs").length > 0 ? ["It takes addresses from outside."] : []),
    ];
  },
};

const GROUPS_OF_THE_CLUSTER = [
  "rbac.authorization.k8s.io/",
  "admissionregistration.k8s.io/",
  "apiextensions.k8s.io/",
];

export const noRights: ObjectRule = {
  name: "no-rights",
  description: "A data plane needs no right in the cluster, so nothing gives it one.",
  check: ({ apiVersion, kind }) =>
    GROUPS_OF_THE_CLUSTER.some((group) => apiVersion.startsWith(group))
      ? [`${kind} is not for a tenant's stack.`]
      : [],
};

export const closedNetwork: StackRule = {
  name: "closed-network",
  description: "Each namespace lets nothing in or out but what a policy names.",
  check: (objects) =>
    namespacesWithout(objects, isDenyAll).map(
      (name) => `The namespace ${name} has no policy that denies all.`,
    ),
};

export const quotas: StackRule = {
  name: "quotas",
  description: "Each namespace has a quota of pods, CPU and memory, and no load balancers or ports of nodes.",
  check: (objects) =>
    namespacesWithout(objects, isQuota).map((name) => `The namespace ${name} has no quota that bounds it.`),
};

function namespacesWithout(
  objects: readonly KubernetesObject[],
  wanted: (object: KubernetesObject) => boolean,
): string[] {
  const having = new Set(objects.filter(wanted).map(({ namespace }) => namespace));
  return objects
    .filter(({ kind, name }) => kind === "Namespace" && !having.has(name))
    .map(({ name }) => name);
}

function isDenyAll({ kind, manifest }: KubernetesObject): boolean {
  if (kind !== "NetworkPolicy") return false;
  const spec = at(manifest, "spec");
  const types = listAt(spec, "policyTypes");
  const selector = at(spec, "podSelector");
  return (
    typeof selector === "object" &&
    selector !== null &&
    Object.keys(selector).length === 0 &&
    ["Ingress", "Egress"].every((type) => types.includes(type)) &&
    listAt(spec, "ingress").length === 0 &&
    listAt(spec, "egress").length === 0
  );
}

const BOUNDED = ["pods", "requests.cpu", "requests.memory", "limits.memory"];

function isQuota({ kind, manifest }: KubernetesObject): boolean {
  if (kind !== "ResourceQuota") return false;
  const hard = at(manifest, "spec", "hard");
  const scoped = at(manifest, "spec", "scopeSelector") ?? at(manifest, "spec", "scopes");
  return (
    scoped === undefined &&
    BOUNDED.every((key) => at(hard, key) !== undefined) &&
    ["services.loadbalancers", "services.nodeports"].every((key) => String(at(hard, key)) === "0")
  );
}
