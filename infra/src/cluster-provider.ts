import * as kubernetes from "@pulumi/kubernetes";
import { type Config, secret } from "@pulumi/pulumi";

/** How the API server is reached. */
export interface ClusterAccess {
  /** Content of a kubeconfig. Secret. */
  readonly kubeconfig: string;
  /** Which of its contexts; its current one by default. */
  readonly context?: string;
  /** Takes objects over that exist already. For one run after an interrupted one, and never for longer. */
  readonly upsertExistingObjects?: boolean;
}

/** How the stack's own configuration says: `kubeconfig`, and `context` where it names one. */
export function readClusterAccess(config: Config): ClusterAccess {
  const context = config.get("context");
  return { kubeconfig: config.require("kubeconfig"), ...(context !== undefined && { context }) };
}

/**
 * The only provider of a program. Every object is made through it, so that no kubeconfig that lies around is ever used.
 * `identifier` says which cluster it is: a kubeconfig may change without everything being made anew elsewhere.
 */
export function clusterProvider(identifier: string, access: ClusterAccess): kubernetes.Provider {
  const { kubeconfig, context, upsertExistingObjects = false } = access;
  return new kubernetes.Provider("cluster", {
    kubeconfig: secret(kubeconfig),
    clusterIdentifier: identifier,
    ...(context !== undefined && { context }),
    upsertExistingObjects,
    enableServerSideApply: true,
    // What the program states is the platform's to own, whoever has laid hands on it.
    enablePatchForce: true,
    // A changed value is put in place; by default the object would be deleted first, under pods that mount it.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    // What cannot be reached is not gone.
    deleteUnreachable: false,
    skipUpdateUnreachable: false,
    suppressDeprecationWarnings: true,
    kubeClientSettings: { qps: 20, burst: 40, timeout: 30 },
  });
}
