import { keyPurposes } from "../keys.ts";
import { type RegionOutputs, regionOutputs } from "../region-outputs.ts";

/** Outputs as a region in eu-central-1 would have them. */
export function makeRegionOutputs(changes: Partial<RegionOutputs> = {}): RegionOutputs {
  const arn = (service: string, rest: string) => `arn:aws:${service}:eu-central-1:123456789012:${rest}`;
  return regionOutputs.parse({
    schema: "headgate.region/1",
    name: "eu-central",
    accountId: "123456789012",
    awsRegion: "eu-central-1",
    domain: "eu.headgate.example.com",
    clusterName: "headgate-eu-central",
    kubernetesVersion: "1.36",
    endpoint: "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com",
    ca: "Y2VydGlmaWNhdGU=",
    oidcIssuer: "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF",
    clusterSecurityGroupId: "sg-0123456789abcdef0",
    vpcId: "vpc-0123456789abcdef0",
    vpcCidr: "10.40.0.0/16",
    podCidr: "10.40.0.0/16",
    serviceCidr: "172.20.0.0/16",
    nodeCidrs: ["10.40.0.0/18", "10.40.64.0/18", "10.40.128.0/18"],
    intraCidrs: ["10.40.216.0/21", "10.40.224.0/21", "10.40.232.0/21"],
    natAddresses: ["198.51.100.1", "198.51.100.2", "198.51.100.3"],
    dbEndpoint: "headgate-eu-central.cluster-x.eu-central-1.rds.amazonaws.com",
    dbReaderEndpoint: "headgate-eu-central.cluster-ro-x.eu-central-1.rds.amazonaws.com",
    dbPort: 5432,
    dbSecretArn: arn("secretsmanager", "secret:rds!cluster-x"),
    valkeyEndpoint: "master.headgate-eu-central.x.euc1.cache.amazonaws.com",
    valkeyPort: 6379,
    fileSystemId: "fs-0123456789abcdef0",
    auditBucket: "headgate-eu-central-audit-123456789012",
    stateBackendUrl: "s3://headgate-eu-central-state-123456789012?region=eu-central-1&awssdk=v2",
    stateSecretsProvider: `awskms:///${arn("kms", "key/state")}?region=eu-central-1`,
    telemetryLogGroup: "/headgate/headgate-eu-central/telemetry",
    keys: Object.fromEntries(
      Object.keys(keyPurposes).map((purpose) => [purpose, arn("kms", `key/${purpose}`)]),
    ),
    zone: { id: "Z0123456789ABC", nameServers: ["ns-1.awsdns-00.com"] },
    certificateArn: arn("acm", "certificate/0123"),
    ...changes,
  });
}
