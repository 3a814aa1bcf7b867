import * as efs from "@pulumi/aws/efs/index.js";
import * as eks from "@pulumi/aws/eks/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from "@pulumi/pulumi";
import { ClosedGroup } from "./closed-group.ts";
import { onlyServiceAccount, ServiceRole } from "./service-role.ts";

export interface SharedFilesArgs {
  readonly vpcId: Input<string>;
  readonly zones: readonly string[];
  /** One a zone, in the order of the zones. */
  readonly subnetIds: readonly Input<string>[];
  readonly clientGroupId: Input<string>;
  readonly clusterName: Input<string>;
  readonly keyArn: Input<string>;
}

const NFS_PORT = 2049;

/** The files of data planes that outlive a node: volumes that pods in any zone may write, by EFS and its CSI driver. */
export class SharedFiles extends ComponentResource {
  readonly fileSystemId: Output<string>;

  constructor(name: string, args: SharedFilesArgs, options?: ComponentResourceOptions) {
    super("headgate:region:SharedFiles", name, {}, options);
    const parent = { parent: this };
    const group = new ClosedGroup(
      `${name}-files`,
      { vpcId: args.vpcId, description: "Shared files: NFS from the cluster" },
      parent,
    );
    group.allowIn("cluster", {
      port: NFS_PORT,
      referencedSecurityGroupId: args.clientGroupId,
      description: "NFS from nodes",
    });
    const files = new efs.FileSystem(
      name,
      {
        encrypted: true,
        kmsKeyId: args.keyArn,
        performanceMode: "generalPurpose",
        throughputMode: "elastic",
        tags: { Name: name },
      },
      { parent: this, protect: true },
    );
    new efs.BackupPolicy(
      name,
      { fileSystemId: files.id, backupPolicy: { status: "ENABLED" } },
      { parent: files },
    );
    const mounts = args.zones.flatMap((zone, index) => {
      const subnetId = args.subnetIds[index];
      return subnetId === undefined
        ? []
        : [
            new efs.MountTarget(
              `${name}-${zone}`,
              { fileSystemId: files.id, subnetId, securityGroups: [group.id] },
              { parent: files },
            ),
          ];
    });
    const driver = new ServiceRole(
      `${name}-files`,
      {
        description: "The EFS CSI driver makes one access point a volume",
        service: "pods.eks.amazonaws.com",
        taggedSession: true,
        conditions: onlyServiceAccount("kube-system", "efs-csi-controller-sa"),
        managedPolicies: ["service-role/AmazonEFSCSIDriverPolicy"],
      },
      parent,
    );
    new eks.Addon(
      `${name}-efs-csi`,
      {
        clusterName: args.clusterName,
        addonName: "aws-efs-csi-driver",
        podIdentityAssociations: [{ serviceAccount: "efs-csi-controller-sa", roleArn: driver.arn }],
        resolveConflictsOnCreate: "OVERWRITE",
        resolveConflictsOnUpdate: "OVERWRITE",
      },
      { parent: this, dependsOn: [driver, ...mounts] },
    );
    this.fileSystemId = files.id;
    this.registerOutputs({ fileSystemId: this.fileSystemId });
  }
}
