/** The stack configuration of the `platform` program: Headgate's own control plane on a cluster that `base` prepared. */
import { clusterSettings } from "@headgate/sdk/contract";
import { z } from "zod";
import { API_LISTENER, GATEWAY } from "../base/gateway.ts";
import {
  apiServer,
  cidr,
  count,
  dnsName,
  imageByDigest,
  monitoringKinds,
  port,
} from "../base/kubernetes/config-parts.ts";
import { SYSTEM_NAMESPACES } from "../names.ts";

const settings = clusterSettings.shape;

const httpUrl = z.url({ protocol: /^https?$/, error: "must be an http or https URL" });

/** Somewhere that pods may call. */
const destination = z.strictObject({ cidrs: z.array(cidr).min(1), port });

/** A password here would be readable in the stack, in the pod and in every crash dump. */
const withoutPassword = (url: string) => URL.parse(url)?.password === "";

export const platformConfig = z.strictObject({
  region: settings.region,
  /** With the version that its API and its migrations share. */
  image: imageByDigest,
  /** The same control plane, with the Pulumi CLI and its Kubernetes provider. */
  workerImage: imageByDigest,
  /** What tenants' data planes run until there is a release, and the collector of those that have one. */
  dataPlaneImage: imageByDigest,
  collectorImage: imageByDigest,
  imageVersion: z
    .string()
    .regex(/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/, "must be usable as the value of a label"),
  /** Under which data planes and clients call the API. */
  publicUrl: httpUrl,
  api: z
    .strictObject({
      replicas: z
        .strictObject({ min: count.min(2), max: count })
        .refine(({ min, max }) => min <= max, "min is above max"),
      cpuMillicores: count.default(500),
      memoryMib: count.min(256).default(512),
      /** Networks that may call the API past the gateway, such as an internal load balancer's. */
      clientCidrs: z.array(cidr).default([]),
    })
    .prefault({ replicas: { min: 2, max: 6 } }),
  worker: z
    .strictObject({
      replicas: count.default(2),
      /** Tenants that one worker brings up or down at the same time. */
      operations: count.max(32).default(4),
      /** After so long an operation is stopped. A pod is given a minute more to end. */
      operationSecondsMax: z.int().min(30).max(86_400).default(900),
      /** How often each stack is compared with its cluster; 0 is never. */
      driftMinutes: z.int().min(0).max(10_080).default(30),
      /** Whether what has drifted is put right, or only told. */
      repairsDrift: z.boolean().default(true),
    })
    .prefault({}),
  database: z.strictObject({
    kind: z.literal("external"),
    /**
     * A Secret in the system namespace with a login for each part: `api-url`, `worker-url` and `migrations-url` are
     * `postgres://user:password@host/database`.
     */
    secret: dnsName,
    /** The users of `api-url` and `worker-url`, which the migrations let through to tenants' rows. */
    logins: z.array(z.string().regex(/^[^,]{1,63}$/)).default(["headgate_api", "headgate_worker"]),
    /**
     * A ConfigMap there, whose `ca.crt` has the certificate authorities that the database's certificate is checked by. The
     * URL says so with `sslmode=verify-full&sslrootcert=/var/run/headgate/database-ca/ca.crt`; null: the image's own, or none.
     */
    caConfigMap: dnsName.nullable().default(null),
    ...destination.shape,
  }),
  /**
   * A Secret in the system namespace: `platform-key` (32 bytes, or their base64), `operator-token` (hgo_...),
   * `pulumi-passphrase`, and `pulumi-backend` where that is not said below.
   */
  secret: dnsName.default("headgate"),
  pulumi: z.strictObject({
    /** Where the state of tenants' stacks is, such as `s3://bucket?region=eu-west-1`; null: the Secret says it. */
    backend: z
      .url({ protocol: /^(s3|gs|azblob|postgres|file)$/, error: "must be the URL of a state back end" })
      .refine(withoutPassword, "must not contain a password; put it into the Secret")
      .nullable(),
  }),
  /** Where else the worker may go: the state back end, and API servers of other clusters. */
  workerEgress: z.array(destination).default([]),
  /** Where else the API may go: where clusters publish the keys of their tokens. */
  apiEgress: z.array(destination).default([]),
  apiServer,
  /** As `base` made it, with a listener for the API's host name; null: the API is reached within the cluster only. */
  gateway: z
    .strictObject({
      namespace: dnsName.default(SYSTEM_NAMESPACES.gateway),
      name: dnsName.default(GATEWAY),
      listener: dnsName.default(API_LISTENER),
    })
    .nullable(),
  monitoring: monitoringKinds,
  /** Networks that tenants may open to their providers, although they are not the public internet. */
  privateNetworks: z.array(cidr).default([]),
  /** Of pages whose scripts may call the API. */
  allowedOrigins: z.array(z.string()).default([]),
  logLevel: z.enum(["fatal", "error", "warn", "info", "debug", "silent"]).default("info"),
});

export type PlatformConfig = Readonly<z.infer<typeof platformConfig>>;
