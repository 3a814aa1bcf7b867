/** What a region's cluster is like, as far as the objects of a tenant depend on it: the API takes it, `infra` builds by it. */
import { z } from "zod";

const dnsLabel = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be a DNS label");
const dnsName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, "must be a DNS name");
const cidr = z.union([z.cidrv4(), z.cidrv6()]);
const httpUrl = z.url({ protocol: /^https?$/ });

export const clusterSettings = z.strictObject({
  region: z
    .string()
    .regex(/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/, "must be usable as the value of a label"),
  /** Tenants are served at `<tenant name>.<domain>`. */
  domain: dnsName,
  /** Minor version; it pins the version of the Pod Security Standards. */
  kubernetesVersion: z.string().regex(/^1\.\d{1,3}$/, "must be a minor version, such as 1.36"),
  /**
   * Where data planes reach the control plane: `port` is the one that its pods or load balancer answer on. Where the URL
   * names a Service of the cluster, data planes may go to the pods of its namespace, and `cidrs` is not used for that.
   */
  controlPlane: z.strictObject({
    url: httpUrl,
    cidrs: z.array(cidr).min(1),
    port: z.int().min(1).max(65_535),
  }),
  podCidr: cidr,
  serviceCidr: cidr,
  nodeCidrs: z.array(cidr),
  dns: z.strictObject({
    namespace: dnsLabel,
    /** Of the resolver's pods. Without any, all pods of the namespace would be reachable. */
    podLabels: z
      .record(z.string(), z.string())
      .refine((labels) => Object.keys(labels).length > 0, "must not be empty"),
    /** Resolvers that are no pods: NodeLocal DNSCache, or one on the host. */
    cidrs: z.array(cidr),
  }),
  /** The Gateway API's Gateway that tenants' routes attach to; null where there is none. */
  gateway: z.strictObject({ namespace: dnsLabel, name: dnsName }).nullable(),
  monitoring: z.strictObject({
    /** The only one that may read metrics. */
    namespace: dnsLabel,
    /** Whether the cluster knows these kinds of the Prometheus operator. */
    podMonitors: z.boolean(),
    rules: z.boolean(),
  }),
  metrics: z.strictObject({
    /** Whether `headgate_streams_open` of pods is served as a custom metric. */
    openStreams: z.boolean(),
  }),
  storage: z.strictObject({
    /** A storage class whose volumes many pods may write (ReadWriteMany); null where there is none. */
    persistentClass: dnsName.nullable(),
  }),
  collector: z.strictObject({
    /** OTLP over HTTP of the shared collector, for plans without one of their own. */
    endpoint: httpUrl.nullable(),
    /** OTLP over gRPC, where tenants' own collectors export to. */
    exporterEndpoint: httpUrl.nullable(),
  }),
  /** Private networks that data planes may call besides the internet. */
  tenantEgressCidrs: z.array(cidr),
  runtimeClass: dnsName.nullable(),
  /** Whether nodes support pods in user namespaces of their own. */
  userNamespaces: z.boolean(),
});

export type ClusterSettings = Readonly<z.infer<typeof clusterSettings>>;
