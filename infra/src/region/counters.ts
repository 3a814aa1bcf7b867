import * as elasticache from "@pulumi/aws/elasticache/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from "@pulumi/pulumi";
import { ClosedGroup } from "./closed-group.ts";

export interface CountersArgs {
  readonly vpcId: Input<string>;
  readonly subnetIds: readonly Input<string>[];
  readonly clientGroupId: Input<string>;
  readonly keyArn: Input<string>;
  readonly nodeType: string;
  /** At least two: one primary, the others replicas in other zones. */
  readonly nodes: number;
}

export const VALKEY_PORT = 6379;

/**
 * Counters shared by replicas: Valkey, TLS only. Its one user signs in with IAM, so there is no password to keep, and
 * may touch only keys and channels below `hg:`. Nothing is evicted: a lost counter would be an unpaid call. No role may
 * connect yet; that right comes with the pods that need it.
 */
export class Counters extends ComponentResource {
  readonly endpoint: Output<string>;

  constructor(name: string, args: CountersArgs, options?: ComponentResourceOptions) {
    super("headgate:region:Counters", name, {}, options);
    const parent = { parent: this };
    const group = new ClosedGroup(
      `${name}-counters`,
      { vpcId: args.vpcId, description: "Counters: Valkey from the cluster" },
      parent,
    );
    group.allowIn("cluster", {
      port: VALKEY_PORT,
      referencedSecurityGroupId: args.clientGroupId,
      description: "Valkey from nodes and pods",
    });
    const subnets = new elasticache.SubnetGroup(name, { subnetIds: [...args.subnetIds] }, parent);
    const parameters = new elasticache.ParameterGroup(
      name,
      { family: "valkey8", parameters: [{ name: "maxmemory-policy", value: "noeviction" }] },
      parent,
    );
    const user = new elasticache.User(
      name,
      {
        userId: `${name}-counters`,
        // IAM asks for the same id and name.
        userName: `${name}-counters`,
        engine: "valkey",
        authenticationMode: { type: "iam" },
        accessString:
          "on ~hg:* &hg:* -@all +@read +@write +@connection +@pubsub +@scripting +@transaction -@dangerous",
      },
      parent,
    );
    const users = new elasticache.UserGroup(
      name,
      { userGroupId: name, engine: "valkey", userIds: [user.userId] },
      parent,
    );
    const replication = new elasticache.ReplicationGroup(
      name,
      {
        replicationGroupId: name,
        description: "Headgate's shared counters",
        engine: "valkey",
        engineVersion: "8.0",
        nodeType: args.nodeType,
        port: VALKEY_PORT,
        numCacheClusters: args.nodes,
        automaticFailoverEnabled: true,
        multiAzEnabled: true,
        transitEncryptionEnabled: true,
        transitEncryptionMode: "required",
        atRestEncryptionEnabled: true,
        kmsKeyId: args.keyArn,
        userGroupIds: [users.userGroupId],
        subnetGroupName: subnets.name,
        parameterGroupName: parameters.name,
        securityGroupIds: [group.id],
        snapshotRetentionLimit: 7,
        snapshotWindow: "01:00-02:00",
        maintenanceWindow: "sun:04:30-sun:05:30",
        autoMinorVersionUpgrade: true,
        applyImmediately: false,
      },
      { parent: this, protect: true },
    );
    this.endpoint = replication.primaryEndpointAddress;
    this.registerOutputs({ endpoint: this.endpoint });
  }
}
