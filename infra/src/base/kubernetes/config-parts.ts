/** Parts that the stack configurations of several programs have in common. */
import { z } from "zod";

export const dnsLabel = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be a DNS label");

export const dnsName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, "must be a DNS name");

export const cidr = z.union([z.cidrv4(), z.cidrv6()], { error: "must be a network such as 10.0.0.0/16" });

export const port = z.int().min(1).max(65_535);

export const count = z.int().positive();

/** By digest, so that what runs is what was tested, whoever moves a tag. */
export const imageByDigest = z
  .string()
  .max(512)
  .regex(/^[a-z0-9][a-zA-Z0-9./:_-]*@sha256:[0-9a-f]{64}$/, "must be an image by digest");

/** Where pods reach the API server: its own addresses, not those of its Service. */
export const apiServer = z.strictObject({
  cidrs: z.array(cidr).min(1),
  ports: z.array(port).min(1).default([443, 6443]),
});

export const monitoringKinds = z.strictObject({
  /** The namespace that Prometheus runs in, the only one that may read metrics. */
  namespace: dnsLabel,
  /** Whether the cluster knows these kinds of the Prometheus operator. */
  podMonitors: z.boolean(),
  rules: z.boolean(),
  /** Where the alerts' runbooks are. */
  runbooks: z.url({ protocol: /^https?$/ }).optional(),
});
