import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as ebs from "@pulumi/aws/ebs/index.js";
import * as eks from "@pulumi/aws/eks/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from "@pulumi/pulumi";
import { ServiceRole } from "./service-role.ts";

export interface ClusterArgs {
  readonly clusterName: string;
  readonly kubernetesVersion: string;
  readonly subnetIds: readonly Input<string>[];
  readonly serviceCidr: string;
  /** Networks that reach the API server from outside the VPC; none closes the public endpoint. */
  readonly publicAccessCidrs: readonly string[];
  readonly administratorRoleArns: readonly string[];
  readonly viewerRoleArns: readonly string[];
  readonly secretsKeyArn: Input<string>;
  readonly logKeyArn: Input<string>;
  readonly logDays: number;
}

/**
 * An EKS cluster in Auto Mode: AWS runs nodes, their network, DNS, block storage, load balancers and the Pod Identity
 * agent. Only metrics-server is an add-on, because autoscaling needs it and Auto Mode lacks it. NetworkPolicies stay
 * without effect until the base program has switched their controller on.
 */
export class Cluster extends ComponentResource {
  readonly clusterName: Output<string>;
  readonly endpoint: Output<string>;
  readonly certificateAuthority: Output<string>;
  readonly oidcIssuer: Output<string>;
  /** Of nodes and, through them, of pods. */
  readonly securityGroupId: Output<string>;

  constructor(name: string, args: ClusterArgs, options?: ComponentResourceOptions) {
    super("headgate:region:Cluster", name, {}, options);
    const clusterRole = new ServiceRole(
      `${name}-cluster`,
      {
        description: "The EKS cluster in Auto Mode",
        service: "eks.amazonaws.com",
        taggedSession: true,
        managedPolicies: [
          "AmazonEKSClusterPolicy",
          "AmazonEKSComputePolicy",
          "AmazonEKSBlockStoragePolicy",
          "AmazonEKSLoadBalancingPolicy",
          "AmazonEKSNetworkingPolicy",
        ],
        statements: [
          {
            sid: "EncryptSecrets",
            actions: ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:ListGrants"],
            resources: [args.secretsKeyArn],
          },
        ],
      },
      { parent: this },
    );
    const nodeRole = new ServiceRole(
      `${name}-node`,
      {
        description: "Nodes: join the cluster and pull images",
        service: "ec2.amazonaws.com",
        managedPolicies: ["AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"],
      },
      { parent: this },
    );
    const logs = new cloudwatch.LogGroup(
      `${name}-cluster`,
      {
        name: `/aws/eks/${args.clusterName}/cluster`,
        kmsKeyId: args.logKeyArn,
        retentionInDays: args.logDays,
      },
      { parent: this },
    );
    // Account and region wide: volumes of nodes and pods are encrypted whatever their storage class says.
    const volumes = new ebs.EncryptionByDefault(name, { enabled: true }, { parent: this });
    const open = args.publicAccessCidrs.length > 0;
    const cluster = new eks.Cluster(
      name,
      {
        name: args.clusterName,
        version: args.kubernetesVersion,
        roleArn: clusterRole.arn,
        accessConfig: { authenticationMode: "API", bootstrapClusterCreatorAdminPermissions: false },
        vpcConfig: {
          subnetIds: [...args.subnetIds],
          endpointPrivateAccess: true,
          endpointPublicAccess: open,
          ...(open ? { publicAccessCidrs: [...args.publicAccessCidrs] } : {}),
        },
        // Auto Mode is these three together; EKS refuses one without the others.
        computeConfig: { enabled: true, nodePools: ["system", "general-purpose"], nodeRoleArn: nodeRole.arn },
        kubernetesNetworkConfig: {
          ipFamily: "ipv4",
          serviceIpv4Cidr: args.serviceCidr,
          elasticLoadBalancing: { enabled: true },
        },
        storageConfig: { blockStorage: { enabled: true } },
        bootstrapSelfManagedAddons: false,
        encryptionConfig: { provider: { keyArn: args.secretsKeyArn }, resources: ["secrets"] },
        enabledClusterLogTypes: ["api", "audit", "authenticator", "controllerManager", "scheduler"],
        upgradePolicy: { supportType: "STANDARD" },
        zonalShiftConfig: { enabled: true },
        deletionProtection: true,
      },
      { parent: this, protect: true, dependsOn: [clusterRole, nodeRole, logs, volumes] },
    );
    for (const arn of args.administratorRoleArns)
      grantAccess({ name: `${name}-admin`, arn, policy: "AmazonEKSClusterAdminPolicy", cluster });
    for (const arn of args.viewerRoleArns)
      grantAccess({ name: `${name}-viewer`, arn, policy: "AmazonEKSAdminViewPolicy", cluster });
    new eks.Addon(
      `${name}-metrics-server`,
      {
        clusterName: cluster.name,
        addonName: "metrics-server",
        resolveConflictsOnCreate: "OVERWRITE",
        resolveConflictsOnUpdate: "OVERWRITE",
      },
      { parent: cluster },
    );

    this.clusterName = cluster.name;
    this.endpoint = cluster.endpoint;
    this.certificateAuthority = cluster.certificateAuthority.apply((authority) => authority.data);
    this.oidcIssuer = cluster.identities.apply((identities) => identities[0]?.oidcs?.[0]?.issuer ?? "");
    this.securityGroupId = cluster.vpcConfig.apply((config) => config.clusterSecurityGroupId);
    this.registerOutputs({ clusterName: this.clusterName, endpoint: this.endpoint });
  }
}

interface Grant {
  readonly name: string;
  readonly arn: string;
  readonly policy: string;
  readonly cluster: eks.Cluster;
}

/** Lets an IAM role into the whole cluster with one of EKS's own policies. */
function grantAccess({ name, arn, policy, cluster }: Grant): void {
  const [account, role] = [arn.split(":")[4], arn.slice(arn.indexOf("/") + 1)];
  const label = `${name}-${account}-${role.replaceAll("/", "-")}`;
  const entry = new eks.AccessEntry(
    label,
    { clusterName: cluster.name, principalArn: arn },
    { parent: cluster },
  );
  new eks.AccessPolicyAssociation(
    label,
    {
      clusterName: cluster.name,
      principalArn: arn,
      policyArn: `arn:aws:eks::aws:cluster-access-policy/${policy}`,
      accessScope: { type: "cluster" },
    },
    { parent: entry },
  );
}
