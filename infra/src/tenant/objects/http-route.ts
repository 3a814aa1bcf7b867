import type { apiextensions } from "@pulumi/kubernetes";
import { DATA_PLANE, TRAFFIC_PORT } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { metadata } from "./metadata.ts";

/** Zero is no timeout: how long a stream may run is the data plane's to say. Null where there is no Gateway. */
export function httpRoute(tenant: Tenant) {
  const { gateway } = tenant.spec.cluster;
  if (gateway === null || tenant.hostname === null) return null;
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: metadata(tenant, DATA_PLANE),
    spec: {
      parentRefs: [
        {
          group: "gateway.networking.k8s.io",
          kind: "Gateway",
          namespace: gateway.namespace,
          name: gateway.name,
        },
      ],
      hostnames: [tenant.hostname],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          timeouts: { request: "0s", backendRequest: "0s" },
          backendRefs: [{ group: "", kind: "Service", name: DATA_PLANE, port: TRAFFIC_PORT, weight: 1 }],
        },
      ],
    },
  } satisfies apiextensions.CustomResourceArgs;
}
