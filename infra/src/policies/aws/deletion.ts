import { demandByType, notOn, on, type ResourceRule } from "./aws-resource.ts";

/** AWS itself refuses to delete. */
export const deletionProtected: ResourceRule = {
  name: "deletion-protected",
  description:
    "AWS refuses to delete the cluster and the database, and a bucket or zone goes only when empty.",
  check: demandByType({
    "aws:rds/cluster:Cluster": [
      on("deletionProtection"),
      [(props) => props["skipFinalSnapshot"] !== true, "the last snapshot must not be skipped"],
    ],
    "aws:eks/cluster:Cluster": [on("deletionProtection")],
    "aws:lb/loadBalancer:LoadBalancer": [on("enableDeletionProtection")],
    "aws:s3/bucket:Bucket": [notOn("forceDestroy")],
    "aws:route53/zone:Zone": [notOn("forceDestroy")],
  }),
};

/** What holds data, or a name or address that others rely on. */
const PROTECTED_TYPES = [
  "aws:ec2/eip:Eip",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/vpc:Vpc",
  "aws:efs/fileSystem:FileSystem",
  "aws:eks/cluster:Cluster",
  "aws:elasticache/replicationGroup:ReplicationGroup",
  "aws:kms/key:Key",
  "aws:rds/cluster:Cluster",
  "aws:rds/clusterInstance:ClusterInstance",
  "aws:rds/instance:Instance",
  "aws:route53/zone:Zone",
  "aws:s3/bucket:Bucket",
];

/** Pulumi refuses to delete or replace. */
export const protectedByPulumi: ResourceRule = {
  name: "protected-by-pulumi",
  description:
    "What holds data, or an address others rely on, is protected: Pulumi refuses to delete or replace it.",
  check: ({ type, protect }) =>
    PROTECTED_TYPES.includes(type) && !protect ? ["the option protect must be true"] : [],
};

/** A mistake can be undone. */
export const backedUp: ResourceRule = {
  name: "backed-up",
  description:
    "Databases keep backups for two weeks or more, counters keep snapshots, logs say how long they stay.",
  check: demandByType({
    "aws:rds/cluster:Cluster": [
      [
        (props) => Number(props["backupRetentionPeriod"] ?? 1) >= 14,
        "backupRetentionPeriod must be at least 14 days",
      ],
    ],
    "aws:elasticache/replicationGroup:ReplicationGroup": [
      [
        (props) => Number(props["snapshotRetentionLimit"] ?? 0) >= 1,
        "snapshotRetentionLimit must be at least 1 day",
      ],
      [
        (props) => props["multiAzEnabled"] === true && props["automaticFailoverEnabled"] === true,
        "multiAzEnabled and automaticFailoverEnabled must be true",
      ],
    ],
    "aws:cloudwatch/logGroup:LogGroup": [
      [
        (props) => Number(props["retentionInDays"] ?? 0) > 0,
        "retentionInDays must be set, or logs stay for ever",
      ],
    ],
  }),
};
