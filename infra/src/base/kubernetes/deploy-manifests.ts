import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type ClusterAccess, clusterProvider } from "../../cluster-provider.ts";
import { type Manifest, manifestTitle } from "../../manifest.ts";

/** All that a program of the platform declares: its manifests, under one component and through one provider. */
export class ManifestStack extends pulumi.ComponentResource {
  constructor(type: string, region: string, args: { manifests: readonly Manifest[]; access: ClusterAccess }) {
    super(type, region);
    deployManifests(args.manifests, { parent: this, provider: clusterProvider(region, args.access) });
    this.registerOutputs({});
  }
}

/**
 * Registers manifests as resources of the stack, in the order of their list: an object waits for its namespace, a
 * workload also for everything before it in that namespace, a binding for everything it binds. The contents of
 * Secrets are secret in the stack's state. Throws a TypeError for a kind that no program of ours uses.
 */
export function deployManifests(
  manifests: readonly Manifest[],
  options: { readonly parent: pulumi.Resource; readonly provider: k8s.Provider },
): pulumi.Resource[] {
  const made: { manifest: Manifest; resource: pulumi.Resource }[] = [];
  for (const manifest of manifests) {
    const create = CREATE[`${manifest.apiVersion}/${manifest.kind}`];
    if (create === undefined) throw new TypeError(`no program deploys ${manifestTitle(manifest)}`);
    const dependsOn = made
      .filter(({ manifest: earlier }) => waitsFor(manifest, earlier))
      .map(({ resource }) => resource);
    const resource = create(logicalName(manifest), secretsMarked(manifest), {
      parent: options.parent,
      provider: options.provider,
      dependsOn,
      ...(manifest.kind === "Secret" ? { additionalSecretOutputs: ["data", "stringData"] } : {}),
    });
    made.push({ manifest, resource });
  }
  return made.map(({ resource }) => resource);
}

/** Stable for an object's whole life, since it is made of what identifies the object. */
export function logicalName({ kind, metadata }: Manifest): string {
  return [kind.toLowerCase(), metadata.namespace, metadata.name]
    .filter((part) => part !== undefined)
    .join("-");
}

const WORKLOADS = new Set(["Deployment", "StatefulSet", "Job"]);

function waitsFor(manifest: Manifest, earlier: Manifest): boolean {
  if (earlier.kind === "Namespace") return earlier.metadata.name === manifest.metadata.namespace;
  if (WORKLOADS.has(manifest.kind)) return earlier.metadata.namespace === manifest.metadata.namespace;
  if (manifest.kind === "ValidatingAdmissionPolicyBinding") {
    return earlier.kind === "ValidatingAdmissionPolicy" && earlier.metadata.name === manifest.metadata.name;
  }
  return false;
}

function secretsMarked(manifest: Manifest): Manifest {
  if (manifest.kind !== "Secret") return manifest;
  return { ...manifest, stringData: pulumi.secret(manifest["stringData"]) };
}

type Create = (name: string, manifest: Manifest, options: pulumi.CustomResourceOptions) => pulumi.Resource;

/** The builders' own types have checked the fields; here they become the provider's. */
function of<Args>(
  Class: new (name: string, args: Args, options: pulumi.CustomResourceOptions) => pulumi.Resource,
): Create {
  return (name, manifest, options) => new Class(name, manifest as unknown as Args, options);
}

const custom = of(k8s.apiextensions.CustomResource);

const CREATE: Readonly<Record<string, Create>> = {
  "v1/Namespace": of(k8s.core.v1.Namespace),
  "v1/ConfigMap": of(k8s.core.v1.ConfigMap),
  "v1/Secret": of(k8s.core.v1.Secret),
  "v1/Service": of(k8s.core.v1.Service),
  "v1/ServiceAccount": of(k8s.core.v1.ServiceAccount),
  "apps/v1/Deployment": of(k8s.apps.v1.Deployment),
  "apps/v1/StatefulSet": of(k8s.apps.v1.StatefulSet),
  "batch/v1/Job": of(k8s.batch.v1.Job),
  "autoscaling/v2/HorizontalPodAutoscaler": of(k8s.autoscaling.v2.HorizontalPodAutoscaler),
  "policy/v1/PodDisruptionBudget": of(k8s.policy.v1.PodDisruptionBudget),
  "networking.k8s.io/v1/NetworkPolicy": of(k8s.networking.v1.NetworkPolicy),
  "scheduling.k8s.io/v1/PriorityClass": of(k8s.scheduling.v1.PriorityClass),
  "rbac.authorization.k8s.io/v1/ClusterRole": of(k8s.rbac.v1.ClusterRole),
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": of(k8s.rbac.v1.ClusterRoleBinding),
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": of(
    k8s.admissionregistration.v1.ValidatingAdmissionPolicy,
  ),
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": of(
    k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding,
  ),
  "gateway.networking.k8s.io/v1/Gateway": custom,
  "gateway.networking.k8s.io/v1/HTTPRoute": custom,
  "monitoring.coreos.com/v1/PodMonitor": custom,
  "monitoring.coreos.com/v1/PrometheusRule": custom,
};
