import { ComponentResource, type ComponentResourceOptions } from "@pulumi/pulumi";
import { manifestName } from "../../manifest.ts";
import { tenantManifests } from "../manifests.ts";
import { endpointUrl, serviceUrl, type Tenant } from "../tenant.ts";
import { TENANT_OUTPUTS_SCHEMA, type TenantOutputs } from "../tenant-spec.ts";
import { TenantAutoscaling } from "./tenant-autoscaling.ts";
import { TenantCollector } from "./tenant-collector.ts";
import { TenantIdentity } from "./tenant-identity.ts";
import { TenantMonitoring } from "./tenant-monitoring.ts";
import { TenantRoute } from "./tenant-route.ts";
import { TenantWalls } from "./tenant-walls.ts";
import { TenantWorkload } from "./tenant-workload.ts";

/** All of a tenant on a cluster. `name` is its namespace's; it becomes part of the identity of each object. */
export class TenantDataPlane extends ComponentResource {
  readonly outputs: TenantOutputs;

  constructor(name: string, tenant: Tenant, options: ComponentResourceOptions) {
    super("headgate:tenant:TenantDataPlane", name, {}, options);
    const child = { parent: this };
    // First what bounds it, then what runs within, then the way in.
    const walls = new TenantWalls(name, tenant, child);
    const identity = new TenantIdentity(name, tenant, walls, child);
    new TenantCollector(name, tenant, walls, child);
    new TenantAutoscaling(name, tenant, walls, child);
    const workload = new TenantWorkload(name, tenant, { walls, identity }, child);
    new TenantRoute(name, tenant, { walls, workload }, child);
    new TenantMonitoring(name, tenant, walls, child);
    this.outputs = {
      schema: TENANT_OUTPUTS_SCHEMA,
      namespace: tenant.namespace,
      endpointUrl: endpointUrl(tenant),
      serviceUrl: serviceUrl(tenant),
      objects: tenantManifests(tenant).map(manifestName),
    };
    this.registerOutputs(this.outputs);
  }
}
