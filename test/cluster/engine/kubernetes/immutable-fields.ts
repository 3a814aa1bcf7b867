import { type PropertyPath, parsePropertyPath } from "../property-path.ts";

const IDENTITY = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/** By kind, the fields whose change means another object: the provider's own table, not the API server's. */
const BY_KIND: Record<string, string[]> = {
  ConfigMap: ["data", "binaryData"],
  Secret: ["type", "data", "stringData"],
  PersistentVolumeClaim: ["spec"],
  ResourceQuota: ["spec.scopes"],
  Service: ["spec.clusterIP"],
  Deployment: ["spec.selector"],
  DaemonSet: ["spec.selector"],
  StatefulSet: ["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"],
  Job: ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
  RoleBinding: ["roleRef"],
  ClusterRoleBinding: ["roleRef"],
  StorageClass: ["parameters", "provisioner"],
  Pod: ["spec"],
};

export type Mutability = { readonly secrets: boolean; readonly configMaps: boolean };

export function immutableFields(apiVersion: string, kind: string, mutable: Mutability): PropertyPath[] {
  const builtIn =
    apiVersion === "v1" || /^(apps|batch|storage\.k8s\.io|rbac\.authorization\.k8s\.io)\//.test(apiVersion);
  let fields = builtIn ? (BY_KIND[kind] ?? []) : [];
  if (kind === "ConfigMap" && mutable.configMaps) fields = [];
  if (kind === "Secret" && mutable.secrets) fields = ["type"];
  return [...IDENTITY, ...fields].map(parsePropertyPath);
}
