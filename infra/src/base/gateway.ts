import type { Manifest } from "../manifest.ts";
import { LABELS, SYSTEM_NAMESPACES } from "../names.ts";
import type { BaseConfig } from "./base-config.ts";
import { objectLabels } from "./kubernetes/object-labels.ts";

export const GATEWAY = "headgate";

/** The listener that the control plane's own route attaches to. */
export const API_LISTENER = "api";

/**
 * The Gateway that every tenant's route attaches to, on one certificate for `*.<domain>`, and the redirect of plain
 * HTTP. Only namespaces of data planes may attach. Empty where the cluster has no Gateway API.
 */
export function gatewayManifests({ region, domain, gateway }: BaseConfig): Manifest[] {
  if (gateway === null) return [];
  const where = { namespace: SYSTEM_NAMESPACES.gateway, labels: objectLabels("gateway", region) };
  const tls = { mode: "Terminate", certificateRefs: [{ kind: "Secret", name: gateway.certificateSecret }] };
  const kinds = [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute" }];
  const from = (matchLabels: Record<string, string>) => ({
    kinds,
    namespaces: { from: "Selector", selector: { matchLabels } },
  });
  return [
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      metadata: { name: GATEWAY, ...where },
      spec: {
        gatewayClassName: gateway.className,
        listeners: [
          {
            name: "tenants",
            port: 443,
            protocol: "HTTPS",
            hostname: `*.${domain}`,
            tls,
            allowedRoutes: {
              kinds,
              namespaces: {
                from: "Selector",
                selector: {
                  matchLabels: { [LABELS.role]: "data-plane" },
                  matchExpressions: [{ key: LABELS.tenantId, operator: "Exists" }],
                },
              },
            },
          },
          ...(gateway.apiHostname === null
            ? []
            : [
                {
                  name: API_LISTENER,
                  port: 443,
                  protocol: "HTTPS",
                  hostname: gateway.apiHostname,
                  tls,
                  allowedRoutes: from({ "kubernetes.io/metadata.name": SYSTEM_NAMESPACES.system }),
                },
              ]),
          {
            name: "redirect",
            port: 80,
            protocol: "HTTP",
            allowedRoutes: { kinds, namespaces: { from: "Same" } },
          },
        ],
      },
    },
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name: "redirect-to-https", ...where },
      spec: {
        parentRefs: [{ name: GATEWAY, sectionName: "redirect" }],
        rules: [
          { filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", statusCode: 301 } }] },
        ],
      },
    },
  ];
}
