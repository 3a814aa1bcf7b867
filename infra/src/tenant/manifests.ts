/** Every object of a tenant, as plain values, in an order in which they can be made. */
import type { Manifest } from "../manifest.ts";
import { COLLECTOR, DATA_PLANE } from "../names.ts";
import { autoscaler } from "./objects/autoscaler.ts";
import { collectorConfigMap, collectorDeployment, collectorService } from "./objects/collector.ts";
import { deployment } from "./objects/deployment.ts";
import { disruptionBudget } from "./objects/disruption-budget.ts";
import { httpRoute } from "./objects/http-route.ts";
import { joinSecret } from "./objects/join-secret.ts";
import { limitRange } from "./objects/limit-range.ts";
import { namespace } from "./objects/namespace.ts";
import { networkPolicies } from "./objects/network-policies.ts";
import { podMonitor } from "./objects/pod-monitor.ts";
import { prometheusRule } from "./objects/prometheus-rule.ts";
import { priorityQuota, resourceQuota } from "./objects/resource-quota.ts";
import { service } from "./objects/service.ts";
import { serviceAccount } from "./objects/service-account.ts";
import { stateVolumeClaim } from "./objects/state-volume-claim.ts";
import type { Tenant } from "./tenant.ts";

/** The join secret is among them in plain: what this returns is a secret too. */
export function tenantManifests(tenant: Tenant): Manifest[] {
  const { collector } = tenant;
  const all: (Manifest | null)[] = [
    namespace(tenant),
    resourceQuota(tenant),
    priorityQuota(tenant),
    limitRange(tenant),
    ...networkPolicies(tenant),
    serviceAccount(tenant, DATA_PLANE),
    joinSecret(tenant),
    stateVolumeClaim(tenant),
    ...(collector === null
      ? []
      : [
          serviceAccount(tenant, COLLECTOR),
          collectorConfigMap(tenant, collector),
          collectorDeployment(tenant, collector),
          collectorService(tenant),
        ]),
    autoscaler(tenant),
    disruptionBudget(tenant),
    service(tenant),
    deployment(tenant),
    httpRoute(tenant),
    podMonitor(tenant),
    prometheusRule(tenant),
  ];
  return all.filter((manifest) => manifest !== null);
}
