import type { types } from "@pulumi/kubernetes";
import type { Manifest } from "../manifest.ts";
import { JOIN_SECRET } from "../tenant/objects/join-secret.ts";
import type { BaseConfig } from "./base-config.ts";
import { objectLabels } from "./kubernetes/object-labels.ts";

export const PROVISIONER_ROLE = "headgate-provisioner";

const READ = ["get", "list", "watch"];
const WRITE = ["create", "update", "patch", "delete"];
const MANAGE = [...READ, ...WRITE];

/**
 * What a tenant's stack consists of, and what must be read to see it become ready. No roles, so nothing here can be
 * passed on or widened; no exec, no logs, no tokens. Of Secrets it can read those that it makes, by
 * their one name, and no other. Where in the cluster this may be
 * used is up to the admission policy that confines the provisioner.
 */
const RULES: types.input.rbac.v1.PolicyRule[] = [
  {
    apiGroups: [""],
    resources: [
      "namespaces",
      "resourcequotas",
      "limitranges",
      "serviceaccounts",
      "services",
      "configmaps",
      "persistentvolumeclaims",
    ],
    verbs: MANAGE,
  },
  { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
  {
    apiGroups: [""],
    resources: ["secrets"],
    resourceNames: [JOIN_SECRET],
    verbs: ["get", "update", "patch", "delete"],
  },
  { apiGroups: [""], resources: ["pods", "events", "endpoints"], verbs: READ },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: MANAGE },
  { apiGroups: ["apps"], resources: ["replicasets"], verbs: READ },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: MANAGE },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: MANAGE },
  { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: MANAGE },
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes"], verbs: MANAGE },
  { apiGroups: ["monitoring.coreos.com"], resources: ["podmonitors", "prometheusrules"], verbs: MANAGE },
];

export function provisionerRole({ region, admission }: BaseConfig): Manifest[] {
  const metadata = { name: PROVISIONER_ROLE, labels: objectLabels("provisioner", region) };
  return [
    { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata, rules: RULES },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: PROVISIONER_ROLE },
      subjects: admission.provisioners.map(subject),
    },
  ];
}

function subject(user: string): types.input.rbac.v1.Subject {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user);
  const [, namespace, name] = account ?? [];
  return namespace !== undefined && name !== undefined
    ? { kind: "ServiceAccount", namespace, name }
    : { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: user };
}
