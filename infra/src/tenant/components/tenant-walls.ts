import * as kubernetes from "@pulumi/kubernetes";
import { ComponentResource, type ComponentResourceOptions, type Resource } from "@pulumi/pulumi";
import { graceSeconds } from "../objects/deployment.ts";
import { limitRange } from "../objects/limit-range.ts";
import { namespace } from "../objects/namespace.ts";
import { networkPolicies } from "../objects/network-policies.ts";
import { priorityQuota, resourceQuota } from "../objects/resource-quota.ts";
import type { Tenant } from "../tenant.ts";
import { childOptions, REMOVAL_SECONDS } from "./child-options.ts";

/** The namespace and all that bounds it. Whatever runs in it has to wait until all of `standing` is there. */
export class TenantWalls extends ComponentResource {
  readonly namespace: kubernetes.core.v1.Namespace;
  readonly standing: readonly Resource[];

  constructor(name: string, tenant: Tenant, options: ComponentResourceOptions) {
    super("headgate:tenant:TenantWalls", name, {}, options);
    this.namespace = new kubernetes.core.v1.Namespace(name, namespace(tenant), {
      parent: this,
      customTimeouts: { delete: `${graceSeconds(tenant) + REMOVAL_SECONDS}s` },
    });
    const child = childOptions(this, this.namespace);
    const { ResourceQuota, LimitRange } = kubernetes.core.v1;
    const { NetworkPolicy } = kubernetes.networking.v1;
    const quotas = [resourceQuota(tenant), priorityQuota(tenant)];
    this.standing = [
      ...quotas.map((quota) => new ResourceQuota(`${name}-${quota.metadata.name}`, quota, child)),
      new LimitRange(`${name}-tenant`, limitRange(tenant), child),
      ...networkPolicies(tenant).map(
        (policy) => new NetworkPolicy(`${name}-${policy.metadata.name}`, policy, child),
      ),
    ];
    this.registerOutputs({ namespace: tenant.namespace });
  }
}
