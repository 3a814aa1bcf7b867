import * as s3 from "@pulumi/aws/s3/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from "@pulumi/pulumi";
import { iamDocument } from "./iam-document.ts";

export interface PrivateBucketArgs {
  readonly bucketName: string;
  readonly keyArn: Input<string>;
  /** Days for which nobody, the account's root included, can delete or change what was written. None: not locked. */
  readonly lockedDays?: number;
  /** Days after which objects move to a cheaper class that still answers at once. */
  readonly archiveDays?: number;
  /** Days after which replaced and deleted versions go for good. None: they stay. */
  readonly forgetVersionsDays?: number;
  /** Another AWS region than the provider's. */
  readonly region?: string;
}

/** A bucket that is versioned, encrypted under our key, closed to the public and to anything but TLS 1.2 and newer. */
export class PrivateBucket extends ComponentResource {
  readonly bucketName: Output<string>;
  readonly arn: Output<string>;
  /** Replication waits for it. */
  readonly versioning: s3.BucketVersioning;

  constructor(name: string, args: PrivateBucketArgs, options?: ComponentResourceOptions) {
    super("headgate:region:PrivateBucket", name, {}, options);
    const elsewhere = args.region === undefined ? {} : { region: args.region };
    const locked = args.lockedDays !== undefined;
    const bucket = new s3.Bucket(
      name,
      { bucket: args.bucketName, objectLockEnabled: locked, forceDestroy: false, ...elsewhere },
      { parent: this, protect: true, retainOnDelete: locked },
    );
    const parent = { parent: bucket, retainOnDelete: locked };
    const target = { bucket: bucket.id, ...elsewhere };
    this.versioning = new s3.BucketVersioning(
      name,
      { ...target, versioningConfiguration: { status: "Enabled" } },
      parent,
    );
    if (args.lockedDays !== undefined)
      new s3.BucketObjectLockConfiguration(
        name,
        { ...target, rule: { defaultRetention: { mode: "COMPLIANCE", days: args.lockedDays } } },
        { ...parent, dependsOn: [this.versioning] },
      );
    new s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        ...target,
        rules: [
          {
            applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: args.keyArn },
            bucketKeyEnabled: true,
          },
        ],
      },
      parent,
    );
    const closed = new s3.BucketPublicAccessBlock(
      name,
      {
        ...target,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      parent,
    );
    new s3.BucketOwnershipControls(
      name,
      { ...target, rule: { objectOwnership: "BucketOwnerEnforced" } },
      parent,
    );
    new s3.BucketPolicy(
      name,
      { ...target, policy: onlyTls(bucket.arn) },
      // S3 answers a conflict to two changes of a bucket's access at once.
      { ...parent, dependsOn: [closed] },
    );
    new s3.BucketLifecycleConfiguration(
      name,
      { ...target, rules: lifecycle(args) },
      { ...parent, dependsOn: [this.versioning] },
    );
    this.bucketName = bucket.bucket;
    this.arn = bucket.arn;
    this.registerOutputs({ bucketName: this.bucketName });
  }
}

function onlyTls(arn: Output<string>): Output<string> {
  const refusal = {
    effect: "Deny",
    principals: "*",
    actions: ["s3:*"],
    resources: [arn, arn.apply((text) => `${text}/*`)],
  } as const;
  return iamDocument([
    { ...refusal, sid: "RefusePlainText", conditions: { Bool: { "aws:SecureTransport": "false" } } },
    { ...refusal, sid: "RefuseOldTls", conditions: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
  ]);
}

function lifecycle(args: PrivateBucketArgs) {
  const all = { status: "Enabled", filter: { prefix: "" } };
  return [
    { ...all, id: "abandoned-uploads", abortIncompleteMultipartUpload: { daysAfterInitiation: 7 } },
    ...(args.archiveDays === undefined
      ? []
      : [{ ...all, id: "archive", transitions: [{ days: args.archiveDays, storageClass: "GLACIER_IR" }] }]),
    ...(args.forgetVersionsDays === undefined
      ? []
      : [
          {
            ...all,
            id: "forget-versions",
            noncurrentVersionExpiration: { noncurrentDays: args.forgetVersionsDays },
          },
        ]),
  ];
}
