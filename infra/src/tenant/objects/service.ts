import type { core } from "@pulumi/kubernetes";
import { DATA_PLANE, TRAFFIC_PORT } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { metadata, selector } from "./metadata.ts";

/** It is made after the replicas are there, so there is nothing to wait for. */
export function service(tenant: Tenant) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata(tenant, DATA_PLANE), annotations: { "pulumi.com/skipAwait": "true" } },
    spec: {
      type: "ClusterIP",
      selector: selector(DATA_PLANE),
      ports: [{ name: "http", port: TRAFFIC_PORT, targetPort: "http", protocol: "TCP", appProtocol: "http" }],
    },
  } satisfies core.v1.ServiceArgs;
}
