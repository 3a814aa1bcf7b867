import type { BaseConfig } from "../base/base-config.ts";
import { cidrAddress, parseCidr } from "./cidr.ts";
import { SHARED_STORAGE_CLASS } from "./cluster-manifests.ts";
import type { RegionOutputs } from "./region-outputs.ts";

/** What of the `base` program's configuration follows from the region; the rest is the platform team's choice. */
export type BaseFacts = Pick<
  BaseConfig,
  | "region"
  | "domain"
  | "kubernetesVersion"
  | "apiServer"
  | "podCidr"
  | "serviceCidr"
  | "nodeCidrs"
  | "dns"
  | "storage"
  | "runtimeClass"
  | "userNamespaces"
>;

/** EKS gives cluster DNS the tenth address of the services' network. */
const DNS_OFFSET = 10;

/** The region's part of the `base` configuration. */
export function baseFacts(region: RegionOutputs): BaseFacts {
  const services = parseCidr(region.serviceCidr);
  if (services === undefined) throw new RangeError(`${region.serviceCidr} is no network`);
  return {
    region: region.name,
    domain: region.domain,
    kubernetesVersion: region.kubernetesVersion,
    // The API server answers from addresses in the nodes' subnets.
    apiServer: { cidrs: region.nodeCidrs, ports: [443] },
    podCidr: region.podCidr,
    serviceCidr: region.serviceCidr,
    nodeCidrs: region.nodeCidrs,
    dns: {
      namespace: "kube-system",
      podLabels: { "k8s-app": "kube-dns" },
      // In Auto Mode the resolver is a process of the node, reached by the service's address; no pod has these labels.
      cidrs: [`${cidrAddress(services, DNS_OFFSET)}/32`],
    },
    storage: { persistentClass: SHARED_STORAGE_CLASS },
    runtimeClass: null,
    // Unproven on Auto Mode's nodes; a pod that asks in vain does not start.
    userNamespaces: false,
  };
}
