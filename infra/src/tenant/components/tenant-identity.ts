import * as kubernetes from "@pulumi/kubernetes";
import { ComponentResource, type ComponentResourceOptions, type Resource, secret } from "@pulumi/pulumi";
import { DATA_PLANE } from "../../names.ts";
import { JOIN_SECRET, joinSecret } from "../objects/join-secret.ts";
import { serviceAccount } from "../objects/service-account.ts";
import type { Tenant } from "../tenant.ts";
import { childOptions } from "./child-options.ts";
import type { TenantWalls } from "./tenant-walls.ts";

/** Who the replicas are: a ServiceAccount without rights, and what they join with. */
export class TenantIdentity extends ComponentResource {
  readonly objects: readonly Resource[];

  constructor(name: string, tenant: Tenant, walls: TenantWalls, options: ComponentResourceOptions) {
    super("headgate:tenant:TenantIdentity", name, {}, options);
    const child = childOptions(this, walls.namespace);
    const { ServiceAccount, Secret } = kubernetes.core.v1;
    const { data, ...rest } = joinSecret(tenant);
    this.objects = [
      new ServiceAccount(`${name}-${DATA_PLANE}`, serviceAccount(tenant, DATA_PLANE), child),
      new Secret(`${name}-${JOIN_SECRET}`, { ...rest, data: secret(data) }, child),
    ];
    this.registerOutputs();
  }
}
