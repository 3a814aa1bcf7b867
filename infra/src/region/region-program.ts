import { Provider } from "@pulumi/aws/provider.js";
import { type Output, output } from "@pulumi/pulumi";
import { PROJECTS } from "../names.ts";
import { readSettings } from "../stack-config.ts";
import { AuditStore } from "./audit-store.ts";
import { Cluster } from "./cluster.ts";
import { Counters, VALKEY_PORT } from "./counters.ts";
import { Database, POSTGRES_PORT } from "./database.ts";
import { Edge } from "./edge.ts";
import { Endpoints } from "./endpoints.ts";
import { Keys } from "./keys.ts";
import { Network } from "./network.ts";
import { PodIdentities } from "./pod-identities.ts";
import { type RegionConfig, regionConfig } from "./region-config.ts";
import type { RegionOutputs } from "./region-outputs.ts";
import { regionSizes } from "./region-sizes.ts";
import { SharedFiles } from "./shared-files.ts";
import { StateStore } from "./state-store.ts";
import { planSubnets, type SubnetTier } from "./subnet-plan.ts";

/** The program of one region, from the stack's configuration. Its result is the stack's one output, `region`. */
export function runRegionProgram(): Output<RegionOutputs> {
  return regionProgram(readSettings(regionConfig, { project: PROJECTS.region, key: "region", others: [] }));
}

/** Declares all of a region. Every resource goes through one provider that refuses any other account. */
export function regionProgram(config: RegionConfig): Output<RegionOutputs> {
  const name = `headgate-${config.name}`;
  const size = regionSizes[config.size];
  const { accountId, awsRegion } = config;
  const provider = new Provider(name, {
    region: awsRegion,
    allowedAccountIds: [accountId],
    defaultTags: {
      tags: { ...config.tags, "headgate:region": config.name, "headgate:managed-by": "pulumi" },
    },
  });
  const options = { provider };

  const keys = new Keys(name, { accountId, awsRegion }, options);
  const logs = { logKeyArn: keys.arns.logs, logDays: size.logDays };
  const network = new Network(
    name,
    { vpcCidr: config.network.vpcCidr, zones: config.network.zones, clusterName: name, ...logs },
    options,
  );
  new Endpoints(
    name,
    {
      awsRegion,
      vpcId: network.vpcId,
      vpcCidr: config.network.vpcCidr,
      subnetIds: network.privateSubnetIds,
      routeTableIds: network.innerRouteTableIds,
    },
    options,
  );
  const cluster = new Cluster(
    name,
    {
      ...config.cluster,
      ...logs,
      clusterName: name,
      subnetIds: network.privateSubnetIds,
      serviceCidr: config.network.serviceCidr,
      secretsKeyArn: keys.arns.cluster,
    },
    options,
  );
  const inside = {
    vpcId: network.vpcId,
    subnetIds: network.intraSubnetIds,
    clientGroupId: cluster.securityGroupId,
  };
  const database = new Database(
    name,
    { ...inside, ...logs, ...size.database, identifier: name, keyArn: keys.arns.database },
    options,
  );
  const counters = new Counters(name, { ...inside, ...size.counters, keyArn: keys.arns.counters }, options);
  const files = new SharedFiles(
    name,
    {
      ...inside,
      zones: config.network.zones,
      clusterName: cluster.clusterName,
      keyArn: keys.arns.files,
    },
    options,
  );
  const audit = new AuditStore(
    name,
    {
      accountId,
      keyArn: keys.arns.audit,
      retentionDays: config.audit.retentionDays,
      replicaRegion: config.audit.replicaRegion,
    },
    options,
  );
  const state = new StateStore(name, { accountId, awsRegion, keyArn: keys.arns.state }, options);
  const pods = new PodIdentities(
    name,
    {
      clusterName: cluster.clusterName,
      keyArns: keys.arns,
      auditBucketArn: audit.arn,
      stateBucketArn: state.arn,
      logDays: size.logDays,
    },
    options,
  );
  const edge = new Edge(
    name,
    { domain: config.domain, parentZoneId: config.parentZoneId, gatewayHostname: config.gatewayHostname },
    options,
  );

  const cidrsOf = (tier: SubnetTier) =>
    planSubnets(config.network.vpcCidr, config.network.zones)
      .filter((subnet) => subnet.tier === tier)
      .map((subnet) => subnet.cidr);
  return output({
    schema: "headgate.region/1" as const,
    name: config.name,
    accountId,
    awsRegion,
    domain: config.domain,
    clusterName: cluster.clusterName,
    kubernetesVersion: config.cluster.kubernetesVersion,
    endpoint: cluster.endpoint,
    ca: cluster.certificateAuthority,
    oidcIssuer: cluster.oidcIssuer,
    clusterSecurityGroupId: cluster.securityGroupId,
    vpcId: network.vpcId,
    vpcCidr: config.network.vpcCidr,
    podCidr: config.network.vpcCidr,
    serviceCidr: config.network.serviceCidr,
    nodeCidrs: cidrsOf("private"),
    intraCidrs: cidrsOf("intra"),
    natAddresses: [...network.natAddresses],
    dbEndpoint: database.endpoint,
    dbReaderEndpoint: database.readerEndpoint,
    dbPort: POSTGRES_PORT,
    dbSecretArn: database.secretArn,
    valkeyEndpoint: counters.endpoint,
    valkeyPort: VALKEY_PORT,
    fileSystemId: files.fileSystemId,
    auditBucket: audit.bucketName,
    stateBackendUrl: state.backendUrl,
    stateSecretsProvider: state.secretsProvider,
    telemetryLogGroup: pods.telemetryLogGroup,
    keys: keys.arns,
    zone: { id: edge.zoneId, nameServers: edge.nameServers },
    certificateArn: edge.certificateArn,
  });
}
