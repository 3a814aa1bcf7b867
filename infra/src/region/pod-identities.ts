import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as eks from "@pulumi/aws/eks/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from "@pulumi/pulumi";
import { COLLECTOR, SYSTEM_NAMESPACES } from "../names.ts";
import type { Statement } from "./iam-document.ts";
import type { KeyPurpose } from "./keys.ts";
import { onlyServiceAccount, ServiceRole } from "./service-role.ts";

export interface PodIdentitiesArgs {
  readonly clusterName: Output<string>;
  readonly keyArns: Readonly<Record<KeyPurpose, Output<string>>>;
  readonly auditBucketArn: Output<string>;
  readonly stateBucketArn: Output<string>;
  readonly logDays: number;
}

/** The ServiceAccounts that AWS knows. Whoever else runs in the cluster, tenants first, has no rights in AWS at all. */
export const serviceAccounts = {
  api: { namespace: SYSTEM_NAMESPACES.system, name: "api" },
  worker: { namespace: SYSTEM_NAMESPACES.system, name: "worker" },
  collector: { namespace: SYSTEM_NAMESPACES.monitoring, name: COLLECTOR },
} as const;

/** Rights of the platform's own pods in AWS, each bound to one ServiceAccount. */
export class PodIdentities extends ComponentResource {
  /** Where the shared collector may write logs. */
  readonly telemetryLogGroup: Output<string>;

  constructor(name: string, args: PodIdentitiesArgs, options?: ComponentResourceOptions) {
    super("headgate:region:PodIdentities", name, {}, options);
    const telemetry = new cloudwatch.LogGroup(
      `${name}-telemetry`,
      { name: `/headgate/${name}/telemetry`, kmsKeyId: args.keyArns.logs, retentionInDays: args.logDays },
      { parent: this },
    );
    const rights: Readonly<Record<keyof typeof serviceAccounts, readonly Statement[]>> = {
      api: [useKey("EnvelopeKey", args.keyArns.secrets), ...writeAudit(args)],
      worker: [useKey("EnvelopeKey", args.keyArns.secrets), ...writeState(args)],
      collector: [
        {
          sid: "WriteTelemetry",
          actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
          resources: [telemetry.arn, telemetry.arn.apply((arn) => `${arn}:*`)],
        },
      ],
    };
    for (const [pod, account] of Object.entries(serviceAccounts)) {
      const label = `${name}-${pod}`;
      const role = new ServiceRole(
        label,
        {
          description: `The platform's ${pod}, in the cluster`,
          service: "pods.eks.amazonaws.com",
          taggedSession: true,
          conditions: onlyServiceAccount(account.namespace, account.name),
          statements: rights[pod as keyof typeof serviceAccounts],
        },
        { parent: this },
      );
      new eks.PodIdentityAssociation(
        label,
        {
          clusterName: args.clusterName,
          namespace: account.namespace,
          serviceAccount: account.name,
          roleArn: role.arn,
        },
        { parent: this, dependsOn: [role] },
      );
    }
    this.telemetryLogGroup = telemetry.name;
    this.registerOutputs({ telemetryLogGroup: this.telemetryLogGroup });
  }
}

function useKey(sid: string, keyArn: Input<string>): Statement {
  return {
    sid,
    actions: ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
    resources: [keyArn],
  };
}

/** May add records and read them, but holds no right to delete: the lock would refuse it anyway. */
function writeAudit(args: PodIdentitiesArgs): readonly Statement[] {
  return [
    {
      sid: "AuditRecords",
      actions: ["s3:PutObject", "s3:GetObject"],
      resources: [args.auditBucketArn.apply((arn) => `${arn}/*`)],
    },
    { sid: "AuditBucket", actions: ["s3:ListBucket"], resources: [args.auditBucketArn] },
    { sid: "AuditKey", actions: ["kms:GenerateDataKey", "kms:Decrypt"], resources: [args.keyArns.audit] },
  ];
}

/** Locks are objects too, so state needs the right to delete; the versions behind it stay. */
function writeState(args: PodIdentitiesArgs): readonly Statement[] {
  return [
    {
      sid: "StackState",
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      resources: [args.stateBucketArn.apply((arn) => `${arn}/*`)],
    },
    { sid: "StateBucket", actions: ["s3:ListBucket"], resources: [args.stateBucketArn] },
    useKey("StateKey", args.keyArns.state),
  ];
}
