import * as kubernetes from "@pulumi/kubernetes";
import { ComponentResource, type ComponentResourceOptions } from "@pulumi/pulumi";
import { DATA_PLANE } from "../../names.ts";
import { autoscaler } from "../objects/autoscaler.ts";
import { disruptionBudget } from "../objects/disruption-budget.ts";
import type { Tenant } from "../tenant.ts";
import { childOptions } from "./child-options.ts";
import type { TenantWalls } from "./tenant-walls.ts";

/** How many replicas there are, and how few there may be for the sake of others. It finds its Deployment by name. */
export class TenantAutoscaling extends ComponentResource {
  constructor(name: string, tenant: Tenant, walls: TenantWalls, options: ComponentResourceOptions) {
    super("headgate:tenant:TenantAutoscaling", name, {}, options);
    const child = childOptions(this, walls.namespace);
    const { HorizontalPodAutoscaler } = kubernetes.autoscaling.v2;
    const { PodDisruptionBudget } = kubernetes.policy.v1;
    new HorizontalPodAutoscaler(`${name}-${DATA_PLANE}`, autoscaler(tenant), child);
    new PodDisruptionBudget(`${name}-${DATA_PLANE}`, disruptionBudget(tenant), child);
    this.registerOutputs();
  }
}
