import { z } from "zod";
import { keyPurposes } from "./keys.ts";

const arn = z.string().startsWith("arn:aws:");
const host = z.string().min(1);
const cidr = z.cidrv4();

/**
 * What a region tells the programs and people after it: one object, `region`, with a version. Fields may be added to
 * version 1; none is renamed or given another meaning. It holds no secret.
 */
export const regionOutputs = z.strictObject({
  schema: z.literal("headgate.region/1"),
  name: z.string(),
  accountId: z.string(),
  awsRegion: z.string(),
  domain: z.string(),

  clusterName: z.string(),
  kubernetesVersion: z.string(),
  /** URL of the API server. */
  endpoint: z.url({ protocol: /^https$/ }),
  /** The API server's certificate authority, base64 of PEM. */
  ca: z.base64(),
  /** Issuer of ServiceAccount tokens; its keys are at `<issuer>/keys`. */
  oidcIssuer: z.url({ protocol: /^https$/ }),
  clusterSecurityGroupId: z.string(),

  vpcId: z.string(),
  vpcCidr: cidr,
  /** Pods take addresses of the VPC itself. */
  podCidr: cidr,
  serviceCidr: cidr,
  /** Of the subnets that nodes and pods run in, one a zone. */
  nodeCidrs: z.array(cidr).length(3),
  /** Of the subnets that database, counters and files are in, one a zone. */
  intraCidrs: z.array(cidr).length(3),
  /** Addresses under which tenants' calls reach their providers, one a zone. */
  natAddresses: z.array(z.ipv4()).length(3),

  dbEndpoint: host,
  dbReaderEndpoint: host,
  dbPort: z.int(),
  /** In Secrets Manager: JSON with `username` and `password` of the administrator. */
  dbSecretArn: arn,
  valkeyEndpoint: host,
  valkeyPort: z.int(),
  /** EFS, for a storage class whose volumes many pods may write. */
  fileSystemId: z.string(),

  auditBucket: z.string(),
  /** Of tenants' stacks, as `PULUMI_BACKEND_URL` takes it. */
  stateBackendUrl: z.string().startsWith("s3://"),
  stateSecretsProvider: z.string().startsWith("awskms://"),
  telemetryLogGroup: z.string(),
  /** ARNs of the KMS keys, by what they encrypt. */
  keys: z.strictObject(
    Object.fromEntries(Object.keys(keyPurposes).map((purpose) => [purpose, arn])) as Record<
      keyof typeof keyPurposes,
      typeof arn
    >,
  ),

  zone: z.strictObject({ id: z.string(), nameServers: z.array(z.string()) }),
  certificateArn: arn,
});

export type RegionOutputs = Readonly<z.infer<typeof regionOutputs>>;
