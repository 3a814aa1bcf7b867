import type { Manifest } from "../manifest.ts";
import { SYSTEM_NAMESPACES } from "../names.ts";
import { podSecurityLabels } from "../pod-security.ts";
import type { BaseConfig } from "./base-config.ts";
import { objectLabels } from "./kubernetes/object-labels.ts";

/** The namespaces of the platform itself. The Pod Security Standard is pinned: an upgrade must not change admission. */
export function systemNamespaces({ region, kubernetesVersion }: BaseConfig): Manifest[] {
  return Object.values(SYSTEM_NAMESPACES).map((name) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name,
      labels: {
        ...objectLabels(name, region),
        ...podSecurityLabels(kubernetesVersion),
        // The gateway's proxies are made by its controller, which need not know the restricted standard.
        ...(name === SYSTEM_NAMESPACES.gateway ? { "pod-security.kubernetes.io/enforce": "baseline" } : {}),
      },
    },
  }));
}
