import { POD_SECURITY } from "../pod-security.ts";
import type { RegionOutputs } from "./region-outputs.ts";

export const SHARED_STORAGE_CLASS = "headgate-shared";

/** A Kubernetes List, as `kubectl apply` takes it. */
export interface ManifestList {
  readonly apiVersion: "v1";
  readonly kind: "List";
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

/**
 * Objects that a cluster on EKS needs before the `base` program, and that other clusters do not have: the switch of
 * the NetworkPolicy controller, without which policies are accepted and do nothing, and the class of shared volumes.
 */
export function clusterManifests(region: Pick<RegionOutputs, "fileSystemId">): ManifestList {
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "amazon-vpc-cni", namespace: "kube-system" },
        data: { "enable-network-policy-controller": "true" },
      },
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name: SHARED_STORAGE_CLASS },
        provisioner: "efs.csi.aws.com",
        reclaimPolicy: "Delete",
        volumeBindingMode: "Immediate",
        // One access point a volume, which roots it in a folder of its own and fixes the owner of its files.
        parameters: {
          provisioningMode: "efs-ap",
          fileSystemId: region.fileSystemId,
          directoryPerms: "700",
          basePath: "/volumes",
          uid: String(POD_SECURITY.runAsUser),
          gid: String(POD_SECURITY.runAsGroup),
        },
      },
    ],
  };
}
