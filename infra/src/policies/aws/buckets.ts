import { at, listAt } from "../values.ts";
import type { AwsResource, ResourceRule, StackRule, Violation } from "./aws-resource.ts";
import { concernsEverybody, readStatements } from "./policy-document.ts";

const BUCKET = "aws:s3/bucket:Bucket";
const LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration";

/** What every bucket needs beside it, and why one that is there may still not do. */
const COMPANIONS: Readonly<
  Record<string, { missing: string; holds: (props: AwsResource["props"]) => boolean }>
> = {
  "aws:s3/bucketVersioning:BucketVersioning": {
    missing: "versioning is not enabled",
    holds: (props) => at(props, "versioningConfiguration", "status") === "Enabled",
  },
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
    missing: "encryption under a KMS key is not set",
    holds: (props) =>
      listAt(props, "rules").some(
        (rule) =>
          at(rule, "applyServerSideEncryptionByDefault", "sseAlgorithm") === "aws:kms" &&
          at(rule, "applyServerSideEncryptionByDefault", "kmsMasterKeyId") !== undefined,
      ),
  },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
    missing: "public access is not blocked",
    holds: () => true,
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
    missing: "access lists are not switched off by BucketOwnerEnforced",
    holds: (props) => at(props, "rule", "objectOwnership") === "BucketOwnerEnforced",
  },
  "aws:s3/bucketPolicy:BucketPolicy": {
    missing: "plain text is not refused by its policy",
    holds: (props) => refusesPlainText(props["policy"]),
  },
};

/** A bucket is only as closed as the resources beside it. */
export const completeBuckets: StackRule = {
  name: "complete-buckets",
  description:
    "Every bucket is versioned, encrypted, closed to the public, without access lists, and TLS only.",
  check: (resources) =>
    resources
      .filter((resource) => resource.type === BUCKET)
      .flatMap((bucket) =>
        Object.entries(COMPANIONS).flatMap(([type, { missing, holds }]): Violation[] =>
          companions(resources, bucket, type).some((companion) => holds(companion.props))
            ? []
            : [{ urn: bucket.urn, message: missing }],
        ),
      ),
};

/** A lock that was prepared but never turned on keeps nothing. */
export const lockedBuckets: StackRule = {
  name: "locked-buckets",
  description: "A bucket made for object lock has a default retention.",
  check: (resources) =>
    resources
      .filter(({ type, props }) => type === BUCKET && props["objectLockEnabled"] === true)
      .filter((bucket) => companions(resources, bucket, LOCK).length === 0)
      .map((bucket) => ({ urn: bucket.urn, message: "object lock has no default retention" })),
};

/** The audit store is one that nobody can talk into forgetting. */
export const auditStoreLocked: StackRule = {
  name: "audit-store-locked",
  description: "Buckets for audit records are made for object lock.",
  check: (resources) =>
    resources
      .filter(({ type, props }) => type === BUCKET && String(props["bucket"] ?? "").includes("-audit"))
      .filter(({ props }) => props["objectLockEnabled"] !== true)
      .map((bucket) => ({ urn: bucket.urn, message: "objectLockEnabled must be true" })),
};

/** Governance mode can be lifted by whoever holds one more right. */
export const lockInCompliance: ResourceRule = {
  name: "lock-in-compliance",
  description: "Object lock is in compliance mode, for a number of days.",
  check: ({ type, props }) => {
    if (type !== LOCK) return [];
    const retention = at(props, "rule", "defaultRetention");
    const holds = at(retention, "mode") === "COMPLIANCE" && Number(at(retention, "days") ?? 0) > 0;
    return holds ? [] : ["defaultRetention must be in mode COMPLIANCE with a number of days"];
  },
};

function companions(
  resources: readonly AwsResource[],
  bucket: AwsResource,
  type: string,
): readonly AwsResource[] {
  return resources.filter((resource) => resource.type === type && resource.refs.includes(bucket.urn));
}

function refusesPlainText(policy: unknown): boolean {
  return (readStatements(policy) ?? []).some(
    (statement) =>
      statement.Effect === "Deny" &&
      concernsEverybody(statement) &&
      String(statement.Condition?.["Bool"]?.["aws:SecureTransport"]) === "false",
  );
}
