import { at, listAt } from "../values.ts";
import { demandByType, on, type ResourceRule, underOurKey } from "./aws-resource.ts";

/** Whatever keeps data keeps it under a key of ours. */
export const encryptedAtRest: ResourceRule = {
  name: "encrypted-at-rest",
  description:
    "Databases, counters, files, volumes, logs and Kubernetes Secrets are encrypted under a named key.",
  check: demandByType({
    "aws:rds/cluster:Cluster": [on("storageEncrypted"), underOurKey],
    "aws:rds/instance:Instance": [on("storageEncrypted"), underOurKey],
    "aws:rds/clusterInstance:ClusterInstance": [
      [
        (props) =>
          props["performanceInsightsEnabled"] !== true || props["performanceInsightsKmsKeyId"] !== undefined,
        "performanceInsightsKmsKeyId must name a key where insights are on",
      ],
    ],
    "aws:elasticache/replicationGroup:ReplicationGroup": [on("atRestEncryptionEnabled"), underOurKey],
    "aws:efs/fileSystem:FileSystem": [on("encrypted"), underOurKey],
    "aws:ebs/volume:Volume": [on("encrypted")],
    "aws:ebs/encryptionByDefault:EncryptionByDefault": [
      [(props) => props["enabled"] !== false, "encryption of new volumes must stay on"],
    ],
    "aws:cloudwatch/logGroup:LogGroup": [underOurKey],
    "aws:secretsmanager/secret:Secret": [underOurKey],
    "aws:eks/cluster:Cluster": [
      [
        (props) => listAt(props, "encryptionConfig", "resources").includes("secrets"),
        "encryptionConfig must cover secrets",
      ],
    ],
  }),
};

/** Nothing is spoken in plain text, inside the VPC either. */
export const encryptedInTransit: ResourceRule = {
  name: "encrypted-in-transit",
  description: "The database and the counters answer TLS only.",
  check: demandByType({
    "aws:elasticache/replicationGroup:ReplicationGroup": [
      on("transitEncryptionEnabled"),
      [
        (props) => (props["transitEncryptionMode"] ?? "required") === "required",
        "transitEncryptionMode must be required",
      ],
    ],
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": [
      [(props) => listAt(props, "parameters").some(forcesSsl), "parameters must set rds.force_ssl to 1"],
    ],
    "aws:rds/cluster:Cluster": [
      [
        (props) => props["dbClusterParameterGroupName"] !== undefined,
        "dbClusterParameterGroupName must name a group that forces TLS: AWS's own does not say so",
      ],
    ],
  }),
};

/** Keys live long, and a lost key is lost data. */
export const keysRotate: ResourceRule = {
  name: "keys-rotate",
  description: "KMS keys rotate, and one deleted by mistake can be restored for weeks.",
  check: demandByType({
    "aws:kms/key:Key": [
      [
        (props) =>
          props["enableKeyRotation"] === true || !["SYMMETRIC_DEFAULT", undefined].includes(specOf(props)),
        "enableKeyRotation must be true",
      ],
      [
        (props) => Number(props["deletionWindowInDays"] ?? 30) >= 14,
        "deletionWindowInDays must be at least 14",
      ],
      [(props) => props["isEnabled"] !== false, "a disabled key makes its data unreadable"],
    ],
  }),
};

function forcesSsl(parameter: unknown): boolean {
  return at(parameter, "name") === "rds.force_ssl" && at(parameter, "value") === "1";
}

function specOf(props: Readonly<Record<string, unknown>>): string | undefined {
  const spec = props["customerMasterKeySpec"];
  return typeof spec === "string" ? spec : undefined;
}
