import {
  type EgressRule,
  inNamespace,
  networkPolicy,
  ofTenants,
  pods,
} from "../base/kubernetes/network-rules.ts";
import type { Manifest } from "../manifest.ts";
import { DATA_PLANE } from "../names.ts";
import { blocks, tcp } from "../network-rules.ts";
import { API_PORT, METRICS_PORT, type Part, partOf } from "./control-plane-pod.ts";
import type { PlatformConfig } from "./platform-config.ts";

/** What each part may do beyond names; that nothing else goes in or out of the namespace is up to `base`. */
export function platformNetworkPolicies(config: PlatformConfig): Manifest[] {
  const { database, apiServer, gateway, monitoring } = config;
  const to = ({ cidrs, port }: { cidrs: readonly string[]; port: number }): EgressRule => ({
    to: blocks(cidrs),
    ports: tcp(port),
  });
  const callers = [
    ofTenants(DATA_PLANE),
    ...(gateway === null ? [] : [inNamespace(gateway.namespace)]),
    ...blocks(config.api.clientCidrs),
  ];
  const metrics = { from: [inNamespace(monitoring.namespace)], ports: tcp(METRICS_PORT) };
  const policy = (part: Part, spec: Pick<Parameters<typeof networkPolicy>[1], "ingress" | "egress">) =>
    networkPolicy(partOf(part, config), {
      podSelector: pods(part),
      policyTypes: ["Ingress", "Egress"],
      ...spec,
    });
  return [
    policy("api", {
      ingress: [{ from: callers, ports: tcp(API_PORT) }, metrics],
      egress: [to(database), ...config.apiEgress.map(to)],
    }),
    policy("worker", {
      ingress: [metrics],
      egress: [
        to(database),
        { to: blocks(apiServer.cidrs), ports: tcp(...apiServer.ports) },
        ...config.workerEgress.map(to),
      ],
    }),
    policy("migrations", { egress: [to(database)] }),
  ];
}
