import * as kubernetes from "@pulumi/kubernetes";
import { ComponentResource, type ComponentResourceOptions } from "@pulumi/pulumi";
import { COLLECTOR } from "../../names.ts";
import {
  COLLECTOR_GRACE_SECONDS,
  collectorConfigMap,
  collectorDeployment,
  collectorService,
} from "../objects/collector.ts";
import { serviceAccount } from "../objects/service-account.ts";
import type { Tenant } from "../tenant.ts";
import { childOptions, workloadOptions } from "./child-options.ts";
import type { TenantWalls } from "./tenant-walls.ts";

/** The tenant's own collector, where it has one. The data plane does not wait for it, neither here nor when it runs. */
export class TenantCollector extends ComponentResource {
  constructor(name: string, tenant: Tenant, walls: TenantWalls, options: ComponentResourceOptions) {
    super("headgate:tenant:TenantCollector", name, {}, options);
    const { collector } = tenant;
    if (collector !== null) {
      const child = childOptions(this, walls.namespace, walls.standing);
      const { ConfigMap, Service, ServiceAccount } = kubernetes.core.v1;
      const objectName = `${name}-${COLLECTOR}`;
      const account = new ServiceAccount(objectName, serviceAccount(tenant, COLLECTOR), child);
      const config = new ConfigMap(objectName, collectorConfigMap(tenant, collector), child);
      const deployment = new kubernetes.apps.v1.Deployment(
        objectName,
        collectorDeployment(tenant, collector),
        workloadOptions(this, walls.namespace, {
          after: [...walls.standing, account, config],
          graceSeconds: COLLECTOR_GRACE_SECONDS,
        }),
      );
      new Service(objectName, collectorService(tenant), childOptions(this, walls.namespace, [deployment]));
    }
    this.registerOutputs();
  }
}
