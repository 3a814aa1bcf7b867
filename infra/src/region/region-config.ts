import { z } from "zod";
import { cidrsOverlap, parseCidr } from "./cidr.ts";
import { addressesNeeded, regionSizeNames } from "./region-sizes.ts";
import { privateAddresses } from "./subnet-plan.ts";

/** What the platform team says of a region: the value of `headgate-region:region` in a stack's configuration. */
export type RegionConfig = z.infer<typeof regionConfig>;

const cidr = z.string().refine((text) => parseCidr(text) !== undefined, {
  error: "must be an IPv4 network by its first address, such as 10.40.0.0/16",
});

const domain = z
  .string()
  .max(200)
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$/,
    "must be a domain in lower case without a final dot",
  );

const roleArn = z
  .string()
  .regex(
    /^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]+$/,
    "must be the ARN of an IAM role, such as arn:aws:iam::123456789012:role/platform",
  );

const awsRegion = z
  .string()
  .regex(
    /^(?!cn-|us-gov-|us-iso)[a-z]{2}(-[a-z]+)+-\d$/,
    "must be a region of the commercial partition, such as eu-central-1",
  );

const network = z.strictObject({
  vpcCidr: cidr,
  serviceCidr: cidr.default("172.20.0.0/16"),
  zones: z
    .array(z.string())
    .length(3, "must name three availability zones")
    .refine((zones) => new Set(zones).size === zones.length, "must name three different zones"),
});

const cluster = z.strictObject({
  kubernetesVersion: z.literal("1.36"),
  publicAccessCidrs: z
    .array(cidr.refine((text) => !text.endsWith("/0"), "must not be the whole internet"))
    .max(40)
    .default([]),
  administratorRoleArns: z
    .array(roleArn)
    .min(1, "must name at least one role, or nobody can reach the cluster"),
  viewerRoleArns: z.array(roleArn).default([]),
});

const audit = z.strictObject({
  retentionDays: z.int().min(1).max(36_500),
  replicaRegion: awsRegion.optional(),
});

export const regionConfig = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z](-?[a-z0-9]){1,19}$/, "must be 2 to 20 lower-case letters, digits or single hyphens")
      .max(20),
    accountId: z.string().regex(/^\d{12}$/, "must be the twelve digits of an AWS account, in quotes"),
    awsRegion,
    domain,
    parentZoneId: z
      .string()
      .regex(/^Z[A-Z0-9]{8,31}$/, "must be the id of a Route 53 zone, such as Z0123456789ABC")
      .optional(),
    size: z.enum(regionSizeNames),
    network,
    cluster,
    audit,
    gatewayHostname: domain.optional(),
    tags: z.record(z.string().regex(/^(?!aws:)[\w.:/=+@-]{1,128}$/), z.string().max(256)).default({}),
  })
  .superRefine((config, context) => {
    for (const problem of agreement(config)) context.addIssue({ code: "custom", ...problem });
  });

interface Problem {
  readonly path: string[];
  readonly message: string;
}

/** What no single key can tell: whether they agree. Only called when each of them is well formed. */
function agreement(config: RegionConfig): readonly Problem[] {
  const problems: Problem[] = [];
  const refuse = (path: string[], message: string) => problems.push({ path, message });
  const vpc = parseCidr(config.network.vpcCidr);
  const services = parseCidr(config.network.serviceCidr);
  if (vpc === undefined || services === undefined) return problems;
  if (vpc.prefix < 16 || vpc.prefix > 20)
    refuse(["network", "vpcCidr"], "must be between /16, the largest a VPC may be, and /20");
  else if (privateAddresses(config.network.vpcCidr) < addressesNeeded(config.size))
    refuse(
      ["network", "vpcCidr"],
      `has ${privateAddresses(config.network.vpcCidr)} addresses for nodes and pods; the size ${config.size} needs ${addressesNeeded(config.size)}`,
    );
  if (services.prefix < 12 || services.prefix > 24)
    refuse(["network", "serviceCidr"], "must be between /12 and /24");
  if (cidrsOverlap(vpc, services)) refuse(["network", "serviceCidr"], "must not overlap network.vpcCidr");
  if (!config.network.zones.every((zone) => zone.slice(0, -1) === config.awsRegion && /[a-z]$/.test(zone)))
    refuse(["network", "zones"], `must be zones of ${config.awsRegion}, such as ${config.awsRegion}a`);
  if (config.audit.replicaRegion === config.awsRegion)
    refuse(["audit", "replicaRegion"], "must be another region than awsRegion");
  return problems;
}
