import { serviceAccount } from "../base/kubernetes/objects.ts";
import { podMonitor, prometheusRule } from "../base/kubernetes/prometheus.ts";
import type { Manifest } from "../manifest.ts";
import { platformAlerts } from "./alerts.ts";
import { apiManifests } from "./api.ts";
import { type Part, partOf } from "./control-plane-pod.ts";
import { migrations } from "./migrations.ts";
import type { PlatformConfig } from "./platform-config.ts";
import { platformNetworkPolicies } from "./platform-network-policies.ts";
import { workerManifests } from "./worker.ts";

/** The control plane, in the order of its making: the database is migrated before anything that wants it so. */
export function platformManifests(config: PlatformConfig): Manifest[] {
  const parts: readonly Part[] = ["api", "worker", "migrations"];
  return [
    ...parts.map((part) => serviceAccount(partOf(part, config))),
    ...platformNetworkPolicies(config),
    migrations(config),
    ...apiManifests(config),
    ...workerManifests(config),
    ...monitoring(config),
  ];
}

function monitoring(config: PlatformConfig): Manifest[] {
  const { podMonitors, rules, runbooks } = config.monitoring;
  return [
    ...(podMonitors ? ["api", "worker"].map((part) => podMonitor(partOf(part, config), "metrics")) : []),
    ...(rules ? [prometheusRule(partOf("control-plane", config), platformAlerts(), runbooks)] : []),
  ];
}
