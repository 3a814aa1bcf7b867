import * as kubernetes from "@pulumi/kubernetes";
import { ComponentResource, type ComponentResourceOptions } from "@pulumi/pulumi";
import { podMonitor } from "../objects/pod-monitor.ts";
import { prometheusRule } from "../objects/prometheus-rule.ts";
import type { Tenant } from "../tenant.ts";
import { childOptions } from "./child-options.ts";
import type { TenantWalls } from "./tenant-walls.ts";

/** What is collected and what is alerted on, as far as the cluster knows these kinds. */
export class TenantMonitoring extends ComponentResource {
  constructor(name: string, tenant: Tenant, walls: TenantWalls, options: ComponentResourceOptions) {
    super("headgate:tenant:TenantMonitoring", name, {}, options);
    const child = childOptions(this, walls.namespace);
    for (const manifest of [podMonitor(tenant), prometheusRule(tenant)]) {
      if (manifest === null) continue;
      new kubernetes.apiextensions.CustomResource(`${name}-${manifest.metadata.name}`, manifest, child);
    }
    this.registerOutputs();
  }
}
