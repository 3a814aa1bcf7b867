import * as kubernetes from "@pulumi/kubernetes";
import { ComponentResource, type ComponentResourceOptions, type Resource } from "@pulumi/pulumi";
import { DATA_PLANE } from "../../names.ts";
import { deployment, graceSeconds } from "../objects/deployment.ts";
import { service } from "../objects/service.ts";
import { STATE_VOLUME_CLAIM, stateVolumeClaim } from "../objects/state-volume-claim.ts";
import type { Tenant } from "../tenant.ts";
import { childOptions, workloadOptions } from "./child-options.ts";
import type { TenantIdentity } from "./tenant-identity.ts";
import type { TenantWalls } from "./tenant-walls.ts";

/** The replicas behind their Service, and the volume of their spools where that outlives them. */
export class TenantWorkload extends ComponentResource {
  readonly service: kubernetes.core.v1.Service;

  constructor(
    name: string,
    tenant: Tenant,
    { walls, identity }: { walls: TenantWalls; identity: TenantIdentity },
    options: ComponentResourceOptions,
  ) {
    super("headgate:tenant:TenantWorkload", name, {}, options);
    const before: Resource[] = [...walls.standing, ...identity.objects];
    const claim = stateVolumeClaim(tenant);
    if (claim !== null) {
      const { PersistentVolumeClaim } = kubernetes.core.v1;
      before.push(
        new PersistentVolumeClaim(
          `${name}-${STATE_VOLUME_CLAIM}`,
          claim,
          childOptions(this, walls.namespace, walls.standing),
        ),
      );
    }
    // There before its replicas: the first of them to be ready is reached at once.
    this.service = new kubernetes.core.v1.Service(
      `${name}-${DATA_PLANE}`,
      service(tenant),
      childOptions(this, walls.namespace, walls.standing),
    );
    new kubernetes.apps.v1.Deployment(
      `${name}-${DATA_PLANE}`,
      deployment(tenant),
      // Their removal waits for the streams that still run.
      workloadOptions(this, walls.namespace, {
        after: [...before, this.service],
        graceSeconds: graceSeconds(tenant),
      }),
    );
    this.registerOutputs();
  }
}
