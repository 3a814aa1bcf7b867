import type { Manifest } from "../manifest.ts";
import { ADMIN_PORT, SYSTEM_NAMESPACES, TRAFFIC_PORT } from "../names.ts";
import { blocks, tcp } from "../network-rules.ts";
import type { BaseConfig } from "./base-config.ts";
import { COLLECTOR_METRICS_PORT } from "./collector-config.ts";
import {
  allowDns,
  denyAll,
  inNamespace,
  networkPolicy,
  ofTenants,
  pods,
} from "./kubernetes/network-rules.ts";

const CONTROL_PLANE_PORTS = { api: 8_080, metrics: 9_464 };

/**
 * The platform's own namespaces: closed, but for names, for the gateway's way to the data planes and the API, and for
 * Prometheus' way to the metrics. What else a part needs is beside that part.
 */
export function systemNetworkPolicies(config: BaseConfig): Manifest[] {
  const { region } = config;
  const { system, gateway, monitoring, data } = SYSTEM_NAMESPACES;
  return [
    ...[system, gateway, monitoring, data].map((namespace) => denyAll(namespace, region)),
    ...[system, gateway, monitoring].map((namespace) => allowDns(namespace, config)),
    ...gatewayPolicies(config),
    prometheusPolicy(config),
  ];
}

/** The proxies are the way in from the internet; from them it goes on to traffic ports and nowhere else. */
function gatewayPolicies({ region, gateway }: BaseConfig): Manifest[] {
  if (gateway === null) return [];
  const part = "gateway";
  return [
    networkPolicy(
      { name: "gateway", namespace: SYSTEM_NAMESPACES.gateway, part, region },
      {
        podSelector: {},
        policyTypes: ["Ingress", "Egress"],
        ingress: [{}],
        egress: [
          { to: [ofTenants("data-plane")], ports: tcp(TRAFFIC_PORT) },
          {
            to: [{ ...inNamespace(SYSTEM_NAMESPACES.system), podSelector: pods("api") }],
            ports: tcp(CONTROL_PLANE_PORTS.api),
          },
          { to: [inNamespace(gateway.controllerNamespace)] },
        ],
      },
    ),
  ];
}

/** Where Prometheus runs in the monitoring namespace: it reads metrics, and asks the API server where they are. */
function prometheusPolicy({ region, apiServer, podCidr }: BaseConfig): Manifest {
  return networkPolicy(
    { name: "prometheus", namespace: SYSTEM_NAMESPACES.monitoring, part: "prometheus", region },
    {
      podSelector: pods("prometheus"),
      policyTypes: ["Egress"],
      egress: [
        { to: blocks(apiServer.cidrs), ports: tcp(...apiServer.ports) },
        {
          to: blocks([podCidr]),
          ports: tcp(ADMIN_PORT, CONTROL_PLANE_PORTS.metrics, COLLECTOR_METRICS_PORT),
        },
      ],
    },
  );
}
