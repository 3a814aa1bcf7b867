/** The stack configuration of the `base` program: everything about a cluster that the platform team decides. */
import { clusterSettings } from "@headgate/sdk/contract";
import { z } from "zod";
import { SYSTEM_NAMESPACES } from "../names.ts";
import {
  apiServer,
  count,
  dnsLabel,
  dnsName,
  imageByDigest,
  monitoringKinds,
} from "./kubernetes/config-parts.ts";

const settings = clusterSettings.shape;

const gateway = z.strictObject({
  /** A GatewayClass that the cluster has; its controller runs the proxies. */
  className: dnsName,
  /** The namespace of that controller, which the proxies ask for their configuration. */
  controllerNamespace: dnsLabel,
  /** A Secret of type `kubernetes.io/tls` in the gateway's namespace, for `*.<domain>`. */
  certificateSecret: dnsName,
  /** The control plane's own host name; null where it is not served through this gateway. */
  apiHostname: dnsName.nullable().default(null),
});

const collector = z.strictObject({
  /** With the k8s_attributes, filter and resource processors and the file_storage extension. */
  image: imageByDigest,
  replicas: count.min(2).default(2),
  memoryMib: count.min(256).default(512),
  /** Sent to, over gRPC, once the tenant is stamped on; null keeps nothing. */
  exporter: z
    .strictObject({ endpoint: z.url({ protocol: /^https?$/ }), cidrs: z.array(settings.podCidr).min(1) })
    .nullable(),
});

const valkey = z.strictObject({
  image: imageByDigest,
  memoryMib: count.min(64).default(512),
  /** Gibibytes of a volume of this class; null keeps the counters for as long as the pod is there. */
  volume: z.strictObject({ storageClass: dnsName, sizeGib: count }).nullable(),
  /** A Secret in the data namespace with `tls.crt`, `tls.key` and `ca.crt`; null is without TLS. */
  tlsSecret: dnsName.nullable(),
});

const admission = z.strictObject({
  /** Images of tenants and agents come from these, such as `registry.example.com/headgate`. */
  registries: z
    .array(
      z.string().regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/, "must be a registry, with a path or without"),
    )
    .min(1),
  /** The user names that the provisioner has: by default, the worker of the `platform` program in this cluster. */
  provisioners: z
    .array(z.string().min(1))
    .min(1)
    .default([`system:serviceaccount:${SYSTEM_NAMESPACES.system}:worker`]),
  /** Who may also do what only the provisioner may, everywhere: people, in an emergency. */
  administrators: z
    .strictObject({ users: z.array(z.string().min(1)), groups: z.array(z.string().min(1)) })
    .default({ users: [], groups: [] }),
});

export const baseConfig = z.strictObject({
  region: settings.region,
  domain: settings.domain,
  kubernetesVersion: settings.kubernetesVersion,
  controlPlane: settings.controlPlane,
  apiServer,
  podCidr: settings.podCidr,
  serviceCidr: settings.serviceCidr,
  nodeCidrs: settings.nodeCidrs,
  dns: settings.dns,
  gateway: gateway.nullable(),
  admission,
  monitoring: monitoringKinds,
  metrics: settings.metrics,
  storage: settings.storage,
  collector: collector.nullable(),
  valkey: valkey.nullable(),
  tenantEgressCidrs: settings.tenantEgressCidrs,
  runtimeClass: settings.runtimeClass,
  userNamespaces: settings.userNamespaces,
});

export type BaseConfig = Readonly<z.infer<typeof baseConfig>>;
