import type { Manifest } from "../base/kubernetes/manifest.ts";
import { objectLabels } from "../base/kubernetes/object-labels.ts";
import { podMonitor, prometheusRule } from "../base/kubernetes/prometheus.ts";
import { SYSTEM_NAMESPACES } from "../names.ts";
import { platformAlerts } from "./alerts.ts";
import { apiManifests } from "./api.ts";
import type { Part } from "./control-plane-pod.ts";
import { migrations } from "./migrations.ts";
import type { PlatformConfig } from "./platform-config.ts";
import { platformNetworkPolicies } from "./platform-network-policies.ts";
import { workerManifests } from "./worker.ts";

/** The control plane, in the order of its making: the database is migrated before anything that wants it so. */
export function platformManifests(config: PlatformConfig): Manifest[] {
  const parts: readonly Part[] = ["api", "worker", "migrations"];
  return [
    ...parts.map((part) => serviceAccount(part, config.region)),
    ...platformNetworkPolicies(config),
    migrations(config),
    ...apiManifests(config),
    ...workerManifests(config),
    ...monitoring(config),
  ];
}

function serviceAccount(part: Part, region: string): Manifest {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: part, namespace: SYSTEM_NAMESPACES.system, labels: objectLabels(part, region) },
    automountServiceAccountToken: false,
  };
}

function monitoring({ region, monitoring }: PlatformConfig): Manifest[] {
  const at = (name: string, part: string) => ({ name, namespace: SYSTEM_NAMESPACES.system, part, region });
  return [
    ...(monitoring.podMonitors
      ? [podMonitor(at("api", "api"), "metrics"), podMonitor(at("worker", "worker"), "metrics")]
      : []),
    ...(monitoring.rules
      ? [prometheusRule(at("control-plane", "control-plane"), platformAlerts(), monitoring.runbooks)]
      : []),
  ];
}
