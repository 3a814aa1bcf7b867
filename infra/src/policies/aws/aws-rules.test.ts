/** Every rule with what it lets pass and what it refuses: one long table, so that a rule without its row is seen. */
import { describe, expect, it } from "vitest";
import type { AwsResource } from "./aws-resource.ts";
import { checkAwsStack, resourceRules, stackRules } from "./aws-rules.ts";

const PROVIDER = {
  name: "headgate-test",
  props: {
    allowedAccountIds: ["123456789012"],
    defaultTags: { tags: { "headgate:region": "test", "headgate:managed-by": "pulumi" } },
  },
};

function make(type: string, props: AwsResource["props"], more: Partial<AwsResource> = {}): AwsResource {
  return { urn: `urn:${type}`, type, name: "x", props, protect: true, provider: PROVIDER, refs: [], ...more };
}

/** A document of one statement. */
const policy = (statement: Record<string, unknown>) =>
  JSON.stringify({ Version: "2012-10-17", Statement: statement });

/** Valid properties of a type that one case then spoils. */
const GOOD: Readonly<Record<string, AwsResource["props"]>> = {
  "aws:rds/cluster:Cluster": {
    storageEncrypted: true,
    kmsKeyId: "key",
    dbClusterParameterGroupName: "group",
    deletionProtection: true,
    backupRetentionPeriod: 35,
    manageMasterUserPassword: true,
    iamDatabaseAuthenticationEnabled: true,
  },
  "aws:rds/instance:Instance": { storageEncrypted: true, kmsKeyId: "key" },
  "aws:rds/clusterInstance:ClusterInstance": {
    performanceInsightsEnabled: true,
    performanceInsightsKmsKeyId: "key",
  },
  "aws:rds/clusterParameterGroup:ClusterParameterGroup": {
    parameters: [{ name: "rds.force_ssl", value: "1" }],
  },
  "aws:elasticache/replicationGroup:ReplicationGroup": {
    atRestEncryptionEnabled: true,
    transitEncryptionEnabled: true,
    transitEncryptionMode: "required",
    kmsKeyId: "key",
    snapshotRetentionLimit: 7,
    multiAzEnabled: true,
    automaticFailoverEnabled: true,
    userGroupIds: ["group"],
  },
  "aws:elasticache/user:User": { authenticationMode: { type: "iam" } },
  "aws:efs/fileSystem:FileSystem": { encrypted: true, kmsKeyId: "key" },
  "aws:ebs/volume:Volume": { encrypted: true },
  "aws:ebs/encryptionByDefault:EncryptionByDefault": { enabled: true },
  "aws:cloudwatch/logGroup:LogGroup": { kmsKeyId: "key", retentionInDays: 30 },
  "aws:secretsmanager/secret:Secret": { kmsKeyId: "key" },
  "aws:kms/key:Key": { enableKeyRotation: true, deletionWindowInDays: 30 },
  "aws:eks/cluster:Cluster": {
    encryptionConfig: { resources: ["secrets"] },
    vpcConfig: {
      endpointPrivateAccess: true,
      endpointPublicAccess: true,
      publicAccessCidrs: ["203.0.113.0/24"],
    },
    accessConfig: { authenticationMode: "API", bootstrapClusterCreatorAdminPermissions: false },
    enabledClusterLogTypes: ["audit"],
    deletionProtection: true,
  },
  "aws:ec2/subnet:Subnet": { mapPublicIpOnLaunch: false },
  "aws:ec2/securityGroup:SecurityGroup": {},
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": { ingress: [], egress: [] },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": { cidrIpv4: "10.0.0.0/8", ipProtocol: "tcp" },
  "aws:ec2/instance:Instance": { metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 } },
  "aws:ec2/launchTemplate:LaunchTemplate": {
    metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
  },
  "aws:lb/loadBalancer:LoadBalancer": { enableDeletionProtection: true },
  "aws:route53/zone:Zone": {},
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  },
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": {
    rule: { defaultRetention: { mode: "COMPLIANCE", days: 1 } },
  },
  "aws:iam/rolePolicy:RolePolicy": {
    policy: policy({ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::x/*" }),
  },
  "aws:iam/policy:Policy": {
    policy: policy({ Effect: "Allow", Action: ["s3:Get*"], Resource: ["arn:aws:s3:::x/*"] }),
  },
  "aws:iam/role:Role": {
    assumeRolePolicy: policy({
      Effect: "Allow",
      Action: "sts:AssumeRole",
      Principal: { Service: "ec2.amazonaws.com" },
    }),
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    policyArn: "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
  },
  "aws:s3/bucketPolicy:BucketPolicy": {
    policy: policy({ Effect: "Deny", Action: "s3:*", Resource: "*", Principal: "*" }),
  },
};

/** Rule, type, the properties that spoil it. */
const REFUSED: readonly (readonly [rule: string, type: string, spoilt: AwsResource["props"]])[] = [
  ["encrypted-at-rest", "aws:rds/cluster:Cluster", { storageEncrypted: false }],
  ["encrypted-at-rest", "aws:rds/cluster:Cluster", { kmsKeyId: undefined }],
  ["encrypted-at-rest", "aws:rds/instance:Instance", { storageEncrypted: undefined }],
  ["encrypted-at-rest", "aws:rds/instance:Instance", { kmsKeyId: undefined }],
  [
    "encrypted-at-rest",
    "aws:rds/clusterInstance:ClusterInstance",
    { performanceInsightsKmsKeyId: undefined },
  ],
  [
    "encrypted-at-rest",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    { atRestEncryptionEnabled: false },
  ],
  ["encrypted-at-rest", "aws:elasticache/replicationGroup:ReplicationGroup", { kmsKeyId: undefined }],
  ["encrypted-at-rest", "aws:efs/fileSystem:FileSystem", { encrypted: undefined }],
  ["encrypted-at-rest", "aws:efs/fileSystem:FileSystem", { kmsKeyId: undefined }],
  ["encrypted-at-rest", "aws:ebs/volume:Volume", { encrypted: false }],
  ["encrypted-at-rest", "aws:ebs/encryptionByDefault:EncryptionByDefault", { enabled: false }],
  ["encrypted-at-rest", "aws:cloudwatch/logGroup:LogGroup", { kmsKeyId: undefined }],
  ["encrypted-at-rest", "aws:secretsmanager/secret:Secret", { kmsKeyId: undefined }],
  ["encrypted-at-rest", "aws:eks/cluster:Cluster", { encryptionConfig: undefined }],
  [
    "encrypted-in-transit",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    { transitEncryptionEnabled: false },
  ],
  [
    "encrypted-in-transit",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    { transitEncryptionMode: "preferred" },
  ],
  [
    "encrypted-in-transit",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup",
    { parameters: [{ name: "rds.force_ssl", value: "0" }] },
  ],
  ["encrypted-in-transit", "aws:rds/cluster:Cluster", { dbClusterParameterGroupName: undefined }],
  ["keys-rotate", "aws:kms/key:Key", { enableKeyRotation: undefined }],
  ["keys-rotate", "aws:kms/key:Key", { deletionWindowInDays: 7 }],
  ["keys-rotate", "aws:kms/key:Key", { isEnabled: false }],
  ["not-public", "aws:rds/clusterInstance:ClusterInstance", { publiclyAccessible: true }],
  ["not-public", "aws:rds/instance:Instance", { publiclyAccessible: true }],
  ["not-public", "aws:ec2/subnet:Subnet", { mapPublicIpOnLaunch: true }],
  ["not-public", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", { blockPublicPolicy: undefined }],
  ["not-public", "aws:eks/cluster:Cluster", { vpcConfig: {} }],
  ["not-public", "aws:eks/cluster:Cluster", { vpcConfig: { endpointPrivateAccess: true } }],
  [
    "not-public",
    "aws:eks/cluster:Cluster",
    { vpcConfig: { endpointPrivateAccess: true, publicAccessCidrs: ["0.0.0.0/0"] } },
  ],
  [
    "narrow-security-groups",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    { cidrIpv4: "0.0.0.0/0" },
  ],
  [
    "narrow-security-groups",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    { cidrIpv6: "::/0" },
  ],
  [
    "narrow-security-groups",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    { ipProtocol: "-1" },
  ],
  ["narrow-security-groups", "aws:ec2/securityGroup:SecurityGroup", { ingress: [{}] }],
  ["narrow-security-groups", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", { egress: [{}] }],
  ["narrow-security-groups", "aws:ec2/securityGroupRule:SecurityGroupRule", {}],
  ["metadata-service-v2", "aws:ec2/instance:Instance", { metadataOptions: undefined }],
  [
    "metadata-service-v2",
    "aws:ec2/launchTemplate:LaunchTemplate",
    { metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2 } },
  ],
  ["deletion-protected", "aws:rds/cluster:Cluster", { deletionProtection: undefined }],
  ["deletion-protected", "aws:rds/cluster:Cluster", { skipFinalSnapshot: true }],
  ["deletion-protected", "aws:eks/cluster:Cluster", { deletionProtection: false }],
  ["deletion-protected", "aws:lb/loadBalancer:LoadBalancer", { enableDeletionProtection: false }],
  ["deletion-protected", "aws:s3/bucket:Bucket", { forceDestroy: true }],
  ["deletion-protected", "aws:route53/zone:Zone", { forceDestroy: true }],
  ["backed-up", "aws:rds/cluster:Cluster", { backupRetentionPeriod: undefined }],
  ["backed-up", "aws:elasticache/replicationGroup:ReplicationGroup", { snapshotRetentionLimit: 0 }],
  ["backed-up", "aws:elasticache/replicationGroup:ReplicationGroup", { multiAzEnabled: false }],
  ["backed-up", "aws:cloudwatch/logGroup:LogGroup", { retentionInDays: undefined }],
  [
    "narrow-rights",
    "aws:iam/rolePolicy:RolePolicy",
    { policy: policy({ Effect: "Allow", Action: "s3:Get*", Resource: "*" }) },
  ],
  [
    "narrow-rights",
    "aws:iam/rolePolicy:RolePolicy",
    { policy: policy({ Effect: "Allow", Action: ["s3:GetObject", "s3:*"], Resource: "arn:aws:s3:::x" }) },
  ],
  [
    "narrow-rights",
    "aws:iam/rolePolicy:RolePolicy",
    { policy: policy({ Effect: "Allow", Action: "*", Resource: "*" }) },
  ],
  [
    "narrow-rights",
    "aws:iam/policy:Policy",
    { policy: policy({ Effect: "Allow", NotAction: "iam:*", Resource: "*" }) },
  ],
  [
    "narrow-rights",
    "aws:iam/policy:Policy",
    { policy: policy({ Effect: "Allow", Action: "s3:GetObject", NotResource: "x" }) },
  ],
  ["narrow-rights", "aws:iam/policy:Policy", { policy: "not json" }],
  [
    "named-principals",
    "aws:iam/role:Role",
    { assumeRolePolicy: policy({ Effect: "Allow", Action: "sts:AssumeRole", Principal: "*" }) },
  ],
  [
    "named-principals",
    "aws:iam/role:Role",
    { assumeRolePolicy: policy({ Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: ["*"] } }) },
  ],
  [
    "named-principals",
    "aws:s3/bucketPolicy:BucketPolicy",
    { policy: policy({ Effect: "Allow", Action: "s3:GetObject", Resource: "*", Principal: "*" }) },
  ],
  [
    "named-principals",
    "aws:kms/key:Key",
    { policy: policy({ Effect: "Allow", Action: "kms:Decrypt", Resource: "*", Principal: { AWS: "*" } }) },
  ],
  ["no-lasting-credentials", "aws:iam/user:User", {}],
  ["no-lasting-credentials", "aws:iam/accessKey:AccessKey", {}],
  [
    "no-lasting-credentials",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    { policyArn: "arn:aws:iam::aws:policy/AdministratorAccess" },
  ],
  [
    "no-lasting-credentials",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    { policyArn: "arn:aws:iam::aws:policy/AmazonS3FullAccess" },
  ],
  ["no-lasting-credentials", "aws:rds/cluster:Cluster", { manageMasterUserPassword: undefined }],
  ["no-lasting-credentials", "aws:rds/cluster:Cluster", { masterPassword: "x" }],
  ["no-lasting-credentials", "aws:rds/cluster:Cluster", { iamDatabaseAuthenticationEnabled: false }],
  ["no-lasting-credentials", "aws:elasticache/replicationGroup:ReplicationGroup", { userGroupIds: [] }],
  ["no-lasting-credentials", "aws:elasticache/replicationGroup:ReplicationGroup", { authToken: "x" }],
  ["no-lasting-credentials", "aws:elasticache/user:User", { authenticationMode: { type: "password" } }],
  [
    "no-lasting-credentials",
    "aws:eks/cluster:Cluster",
    {
      accessConfig: {
        authenticationMode: "API_AND_CONFIG_MAP",
        bootstrapClusterCreatorAdminPermissions: false,
      },
    },
  ],
  ["no-lasting-credentials", "aws:eks/cluster:Cluster", { accessConfig: { authenticationMode: "API" } }],
  ["no-lasting-credentials", "aws:eks/cluster:Cluster", { enabledClusterLogTypes: ["api"] }],
  [
    "lock-in-compliance",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    { rule: { defaultRetention: { mode: "GOVERNANCE", days: 1 } } },
  ],
  [
    "lock-in-compliance",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    { rule: undefined },
  ],
  ["not-public", "aws:s3/bucket:Bucket", { acl: "public-read" }],
];

const refusedBy = (resource: AwsResource) =>
  resourceRules.filter((rule) => rule.check(resource).length > 0).map((rule) => rule.name);

describe("rules about one resource", () => {
  it.each(Object.entries(GOOD))("allow a %s as it should be", (type, props) => {
    expect(refusedBy(make(type, props))).toEqual([]);
  });

  it.each(REFUSED)("%s refuses %s with %j, and no other rule does", (rule, type, spoilt) => {
    expect(refusedBy(make(type, { ...GOOD[type], ...spoilt }))).toEqual([rule]);
  });

  it("are each shown to refuse something", () => {
    const elsewhere = ["protected-by-pulumi", "explicit-provider"];
    expect(
      resourceRules
        .map((rule) => rule.name)
        .filter((name) => !elsewhere.includes(name))
        .sort(),
    ).toEqual([...new Set(REFUSED.map(([rule]) => rule))].sort());
  });

  it("refuse data that Pulumi may delete", () => {
    const bucket = make("aws:s3/bucket:Bucket", {}, { protect: false });
    expect(refusedBy(bucket)).toEqual(["protected-by-pulumi"]);
    expect(refusedBy(make("aws:iam/role:Role", GOOD["aws:iam/role:Role"] ?? {}, { protect: false }))).toEqual(
      [],
    );
  });

  it.each([
    ["none", undefined],
    ["the default one", { ...PROVIDER, name: "default_7_48_0" }],
    ["one without tags", { ...PROVIDER, props: { allowedAccountIds: ["1"] } }],
    [
      "one without a tag we need",
      { ...PROVIDER, props: { ...PROVIDER.props, defaultTags: { tags: { team: "x" } } } },
    ],
    ["one for any account", { ...PROVIDER, props: { defaultTags: PROVIDER.props.defaultTags } }],
  ])("refuse a provider that is %s", (_, provider) => {
    expect(refusedBy(make("aws:ec2/routeTable:RouteTable", {}, { provider }))).toEqual(["explicit-provider"]);
  });

  it("read a provider's arguments as the engine hands them over, in JSON", () => {
    const props = Object.fromEntries(
      Object.entries(PROVIDER.props).map(([key, value]) => [key, JSON.stringify(value)]),
    );
    expect(refusedBy(make("aws:ec2/routeTable:RouteTable", {}, { provider: { name: "x", props } }))).toEqual(
      [],
    );
  });
});

const BUCKET = make(
  "aws:s3/bucket:Bucket",
  { bucket: "x-audit-1", objectLockEnabled: true },
  { urn: "urn:bucket" },
);
const beside = (type: string, props: AwsResource["props"]) =>
  make(`aws:s3/${type[0]?.toLowerCase()}${type.slice(1)}:${type}`, props, { refs: ["urn:bucket"] });
const COMPLETE: readonly AwsResource[] = [
  BUCKET,
  beside("BucketVersioning", { versioningConfiguration: { status: "Enabled" } }),
  beside("BucketServerSideEncryptionConfiguration", {
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: "key" } }],
  }),
  beside("BucketPublicAccessBlock", GOOD["aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"] ?? {}),
  beside("BucketOwnershipControls", { rule: { objectOwnership: "BucketOwnerEnforced" } }),
  beside("BucketPolicy", {
    policy: policy({
      Effect: "Deny",
      Action: "s3:*",
      Resource: "*",
      Principal: "*",
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    }),
  }),
  beside("BucketObjectLockConfiguration", { rule: { defaultRetention: { mode: "COMPLIANCE", days: 1 } } }),
];

describe("rules about a stack", () => {
  it("allow a bucket with all that belongs to it", () => {
    expect(checkAwsStack(COMPLETE)).toEqual([]);
  });

  it.each(COMPLETE.slice(1).map((resource) => [resource.type, resource] as const))(
    "miss a %s",
    (_, missing) => {
      const violations = checkAwsStack(COMPLETE.filter((resource) => resource !== missing));
      expect(violations).toHaveLength(1);
      expect(violations[0]).toMatchObject({ urn: "urn:bucket" });
    },
  );

  it("do not take another bucket's companions for this one's", () => {
    const second = { ...BUCKET, urn: "urn:second" };
    expect(checkAwsStack([...COMPLETE, second]).map(({ urn }) => urn)).toEqual(Array(6).fill("urn:second"));
  });

  it("refuse companions that do not do their part", () => {
    const weak = COMPLETE.map((resource) =>
      resource.type.endsWith(":BucketVersioning")
        ? { ...resource, props: { versioningConfiguration: { status: "Suspended" } } }
        : resource,
    );
    expect(checkAwsStack(weak)).toEqual([
      { rule: "complete-buckets", urn: "urn:bucket", message: "versioning is not enabled" },
    ]);
  });

  it("refuse an audit store that can forget", () => {
    const unlocked = COMPLETE.map((resource) =>
      resource === BUCKET ? { ...BUCKET, props: { bucket: "x-audit-1" } } : resource,
    );
    expect(checkAwsStack(unlocked)).toEqual([
      { rule: "audit-store-locked", urn: "urn:bucket", message: "objectLockEnabled must be true" },
    ]);
  });

  it("refuse a VPC that nobody watches", () => {
    const vpc = make("aws:ec2/vpc:Vpc", {}, { urn: "urn:vpc" });
    const group = make("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {}, { refs: ["urn:vpc"] });
    const flows = make("aws:ec2/flowLog:FlowLog", {}, { refs: ["urn:vpc"] });
    expect(checkAwsStack([vpc, group, flows])).toEqual([]);
    expect(checkAwsStack([vpc, group]).map(({ message }) => message)).toEqual(["the VPC has no flow log"]);
    expect(checkAwsStack([vpc, flows]).map(({ rule }) => rule)).toEqual(["recorded-networks"]);
  });

  it("have names that differ, for the pack cannot hold one twice", () => {
    const names = [...resourceRules, ...stackRules].map((rule) => rule.name);
    expect(new Set(names).size).toBe(names.length);
  });
});
