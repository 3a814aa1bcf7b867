import * as s3 from "@pulumi/aws/s3/index.js";
import { ComponentResource, type ComponentResourceOptions, type Output } from "@pulumi/pulumi";
import { makeKey } from "./keys.ts";
import { PrivateBucket } from "./private-bucket.ts";
import { ServiceRole } from "./service-role.ts";

export interface AuditStoreArgs {
  readonly accountId: string;
  readonly keyArn: Output<string>;
  /** No shorter retention can ever be set for what was written meanwhile. */
  readonly retentionDays: number;
  readonly replicaRegion: string | undefined;
}

const ARCHIVE_DAYS = 90;

/** Where audit records go to stay: write once, locked in compliance mode, and where asked for copied to a second region. */
export class AuditStore extends ComponentResource {
  readonly bucketName: Output<string>;
  readonly arn: Output<string>;

  constructor(name: string, args: AuditStoreArgs, options?: ComponentResourceOptions) {
    super("headgate:region:AuditStore", name, {}, options);
    const kept = { lockedDays: args.retentionDays, archiveDays: ARCHIVE_DAYS };
    const bucket = new PrivateBucket(
      `${name}-audit`,
      { bucketName: `${name}-audit-${args.accountId}`, keyArn: args.keyArn, ...kept },
      { parent: this },
    );
    this.bucketName = bucket.bucketName;
    this.arn = bucket.arn;
    if (args.replicaRegion !== undefined)
      this.replicate(name, bucket, { ...args, replicaRegion: args.replicaRegion });
    this.registerOutputs({ bucketName: this.bucketName });
  }

  private replicate(
    name: string,
    source: PrivateBucket,
    args: AuditStoreArgs & { replicaRegion: string },
  ): void {
    const label = `${name}-audit-replica`;
    const region = args.replicaRegion;
    const keyArn = makeKey(
      label,
      { accountId: args.accountId, description: "The audit store's copy", region },
      this,
    );
    const copy = new PrivateBucket(
      label,
      {
        bucketName: `${label}-${args.accountId}`,
        keyArn,
        lockedDays: args.retentionDays,
        archiveDays: ARCHIVE_DAYS,
        region,
      },
      { parent: this },
    );
    const inside = (arn: Output<string>) => arn.apply((text) => `${text}/*`);
    const role = new ServiceRole(
      label,
      {
        description: "Copies audit records to the second region",
        service: "s3.amazonaws.com",
        statements: [
          {
            sid: "ReadBucket",
            actions: ["s3:GetReplicationConfiguration", "s3:ListBucket"],
            resources: [source.arn],
          },
          {
            sid: "ReadRecords",
            actions: [
              "s3:GetObjectVersionForReplication",
              "s3:GetObjectVersionAcl",
              "s3:GetObjectVersionTagging",
              "s3:GetObjectRetention",
              "s3:GetObjectLegalHold",
            ],
            resources: [inside(source.arn)],
          },
          {
            sid: "WriteCopies",
            actions: ["s3:ReplicateObject", "s3:ReplicateTags"],
            resources: [inside(copy.arn)],
          },
          { sid: "ReadKey", actions: ["kms:Decrypt"], resources: [args.keyArn] },
          { sid: "WriteKey", actions: ["kms:Encrypt", "kms:GenerateDataKey"], resources: [keyArn] },
        ],
      },
      { parent: this },
    );
    new s3.BucketReplicationConfig(
      label,
      {
        bucket: source.bucketName,
        role: role.arn,
        rules: [
          {
            id: "all",
            status: "Enabled",
            filter: { prefix: "" },
            deleteMarkerReplication: { status: "Disabled" },
            sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: "Enabled" } },
            destination: { bucket: copy.arn, encryptionConfiguration: { replicaKmsKeyId: keyArn } },
          },
        ],
      },
      { parent: this, dependsOn: [role, source.versioning, copy.versioning] },
    );
  }
}
