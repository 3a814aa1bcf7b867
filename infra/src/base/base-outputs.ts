/** What the `base` program tells others about the cluster. */
import { clusterSettings } from "@headgate/sdk/contract";
import { z } from "zod";
import { type Manifest, manifestTitle } from "../manifest.ts";
import { COLLECTOR, OTLP_GRPC_PORT, OTLP_HTTP_PORT, SYSTEM_NAMESPACES } from "../names.ts";
import type { BaseConfig } from "./base-config.ts";
import { GATEWAY } from "./gateway.ts";
import { PROVISIONER_ROLE } from "./provisioner-role.ts";
import { VALKEY, VALKEY_PORT } from "./valkey.ts";

export const baseOutputs = z.strictObject({
  schema: z.literal("headgate.base/1"),
  /** As the control plane's `regions.put` takes it. */
  clusterSettings,
  /** Shared counters of the data planes; null where there are none. The password is the operator's own. */
  valkey: z.strictObject({ host: z.string(), port: z.int(), tls: z.boolean() }).nullable(),
  provisionerRole: z.string(),
  /** `kind/name` or `kind/namespace/name` of everything in the stack. */
  objects: z.array(z.string()),
});

export type BaseOutputs = Readonly<z.infer<typeof baseOutputs>>;

export function describeBase(config: BaseConfig, manifests: readonly Manifest[]): BaseOutputs {
  const { monitoring, collector, valkey, gateway } = config;
  const shared = `${COLLECTOR}.${SYSTEM_NAMESPACES.monitoring}.svc`;
  return baseOutputs.parse({
    schema: "headgate.base/1",
    clusterSettings: {
      region: config.region,
      domain: config.domain,
      kubernetesVersion: config.kubernetesVersion,
      controlPlane: config.controlPlane,
      podCidr: config.podCidr,
      serviceCidr: config.serviceCidr,
      nodeCidrs: config.nodeCidrs,
      dns: config.dns,
      gateway: gateway === null ? null : { namespace: SYSTEM_NAMESPACES.gateway, name: GATEWAY },
      monitoring: {
        namespace: monitoring.namespace,
        podMonitors: monitoring.podMonitors,
        rules: monitoring.rules,
      },
      metrics: config.metrics,
      storage: config.storage,
      collector: {
        endpoint: collector === null ? null : `http://${shared}:${OTLP_HTTP_PORT}`,
        exporterEndpoint: collector === null ? null : `http://${shared}:${OTLP_GRPC_PORT}`,
      },
      tenantEgressCidrs: config.tenantEgressCidrs,
      runtimeClass: config.runtimeClass,
      userNamespaces: config.userNamespaces,
    },
    valkey:
      valkey === null
        ? null
        : {
            host: `${VALKEY}.${SYSTEM_NAMESPACES.data}.svc`,
            port: VALKEY_PORT,
            tls: valkey.tlsSecret !== null,
          },
    provisionerRole: PROVISIONER_ROLE,
    objects: manifests.map(manifestTitle),
  });
}
