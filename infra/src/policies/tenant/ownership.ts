/** Whose an object is, and that it lies where its owner's objects lie. */
import { agentNamespace, isId, tenantNamespace } from "@headgate/sdk/contract";
import { LABELS } from "../../names.ts";
import type { KubernetesObject, ObjectRule } from "./kubernetes-object.ts";

const REQUIRED = [
  LABELS.tenantId,
  LABELS.plan,
  LABELS.region,
  "app.kubernetes.io/name",
  "app.kubernetes.io/part-of",
  "app.kubernetes.io/managed-by",
];

export const ownerLabels: ObjectRule = {
  name: "owner-labels",
  description: "Every object says whose it is and what made it.",
  check: ({ labels }) =>
    REQUIRED.filter((label) => !labels[label]).map((label) => `The label ${label} is missing.`),
};

export const ownNamespace: ObjectRule = {
  name: "own-namespace",
  description:
    "A namespace is named for the owner in its labels, and an object lies in its owner's namespace.",
  check(object) {
    const namespace = object.kind === "Namespace" ? object.name : object.namespace;
    if (namespace === undefined) return ["It is not of a namespace: a tenant has nothing beyond its own."];
    const own = namespaceOf(object);
    return namespace === own
      ? []
      : [`It is in ${namespace}, and its owner's namespace is ${own ?? "unknown"}.`];
  },
};

export const explicitProvider: ObjectRule = {
  name: "explicit-provider",
  description: "Nothing is made through a kubeconfig that merely lies around.",
  check: ({ provider }) =>
    provider?.startsWith("default") ? ["It is made through the default provider."] : [],
};

function namespaceOf({ labels }: KubernetesObject): string | undefined {
  const agentId = labels[LABELS.agentId];
  const tenantId = labels[LABELS.tenantId];
  if (agentId !== undefined) return isId("agent", agentId) ? agentNamespace(agentId) : undefined;
  return isId("tenant", tenantId) ? tenantNamespace(tenantId) : undefined;
}
