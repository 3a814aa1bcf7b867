import * as kubernetes from "@pulumi/kubernetes";
import { ComponentResource, type ComponentResourceOptions } from "@pulumi/pulumi";
import { DATA_PLANE } from "../../names.ts";
import { httpRoute } from "../objects/http-route.ts";
import type { Tenant } from "../tenant.ts";
import { childOptions } from "./child-options.ts";
import type { TenantWalls } from "./tenant-walls.ts";
import type { TenantWorkload } from "./tenant-workload.ts";

/** The way in from outside, once there is something to answer. */
export class TenantRoute extends ComponentResource {
  constructor(
    name: string,
    tenant: Tenant,
    { walls, workload }: { walls: TenantWalls; workload: TenantWorkload },
    options: ComponentResourceOptions,
  ) {
    super("headgate:tenant:TenantRoute", name, {}, options);
    const manifest = httpRoute(tenant);
    if (manifest !== null) {
      new kubernetes.apiextensions.CustomResource(
        `${name}-${DATA_PLANE}`,
        manifest,
        childOptions(this, walls.namespace, [workload.service]),
      );
    }
    this.registerOutputs();
  }
}
