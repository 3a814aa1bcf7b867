import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as rds from "@pulumi/aws/rds/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from "@pulumi/pulumi";
import { ClosedGroup } from "./closed-group.ts";
import { ServiceRole } from "./service-role.ts";

export interface DatabaseArgs {
  readonly identifier: string;
  readonly vpcId: Input<string>;
  readonly subnetIds: readonly Input<string>[];
  /** Only members of this group reach the database. */
  readonly clientGroupId: Input<string>;
  readonly keyArn: Input<string>;
  readonly logKeyArn: Input<string>;
  readonly logDays: number;
  /** Aurora capacity units, 2 GiB of memory each. */
  readonly capacityMin: number;
  readonly capacityMax: number;
  readonly backupDays: number;
}

export const POSTGRES_PORT = 5432;
const ENGINE_VERSION = "17.5";

/**
 * The control plane's database: Aurora PostgreSQL, serverless, a writer and a reader in two zones. TLS only; the
 * master password is made, kept and rotated by AWS and never passes through Pulumi.
 */
export class Database extends ComponentResource {
  readonly endpoint: Output<string>;
  readonly readerEndpoint: Output<string>;
  /** In Secrets Manager: JSON with `username` and `password`. */
  readonly secretArn: Output<string>;

  constructor(name: string, args: DatabaseArgs, options?: ComponentResourceOptions) {
    super("headgate:region:Database", name, {}, options);
    const parent = { parent: this };
    const group = new ClosedGroup(
      `${name}-database`,
      { vpcId: args.vpcId, description: "Database: Postgres from the cluster" },
      parent,
    );
    group.allowIn("cluster", {
      port: POSTGRES_PORT,
      referencedSecurityGroupId: args.clientGroupId,
      description: "Postgres from nodes and pods",
    });
    const subnets = new rds.SubnetGroup(name, { subnetIds: [...args.subnetIds] }, parent);
    const parameters = new rds.ClusterParameterGroup(
      name,
      {
        family: "aurora-postgresql17",
        description: "TLS only, slow statements logged without their values",
        parameters: [
          { name: "rds.force_ssl", value: "1" },
          { name: "log_min_duration_statement", value: "1000" },
          // Values of statements are tenants' data and stay out of the log.
          { name: "log_parameter_max_length", value: "0" },
          { name: "log_parameter_max_length_on_error", value: "0" },
        ],
      },
      parent,
    );
    const monitor = new ServiceRole(
      `${name}-database-monitor`,
      {
        description: "Reports the database hosts' metrics",
        service: "monitoring.rds.amazonaws.com",
        managedPolicies: ["service-role/AmazonRDSEnhancedMonitoringRole"],
      },
      parent,
    );
    const logs = new cloudwatch.LogGroup(
      `${name}-database`,
      {
        name: `/aws/rds/cluster/${args.identifier}/postgresql`,
        kmsKeyId: args.logKeyArn,
        retentionInDays: args.logDays,
      },
      parent,
    );
    const cluster = new rds.Cluster(
      name,
      {
        clusterIdentifier: args.identifier,
        engine: "aurora-postgresql",
        engineVersion: ENGINE_VERSION,
        databaseName: "headgate",
        port: POSTGRES_PORT,
        masterUsername: "headgate_admin",
        manageMasterUserPassword: true,
        masterUserSecretKmsKeyId: args.keyArn,
        iamDatabaseAuthenticationEnabled: true,
        dbSubnetGroupName: subnets.name,
        dbClusterParameterGroupName: parameters.name,
        vpcSecurityGroupIds: [group.id],
        storageEncrypted: true,
        kmsKeyId: args.keyArn,
        serverlessv2ScalingConfiguration: { minCapacity: args.capacityMin, maxCapacity: args.capacityMax },
        backupRetentionPeriod: args.backupDays,
        preferredBackupWindow: "02:00-03:00",
        preferredMaintenanceWindow: "sun:03:30-sun:04:30",
        copyTagsToSnapshot: true,
        deleteAutomatedBackups: false,
        skipFinalSnapshot: false,
        finalSnapshotIdentifier: `${args.identifier}-final`,
        enabledCloudwatchLogsExports: ["postgresql"],
        deletionProtection: true,
      },
      { parent: this, protect: true, dependsOn: [logs] },
    );
    for (const role of ["writer", "reader"])
      new rds.ClusterInstance(
        `${name}-${role}`,
        {
          identifier: `${args.identifier}-${role}`,
          clusterIdentifier: cluster.id,
          engine: "aurora-postgresql",
          engineVersion: cluster.engineVersion,
          instanceClass: "db.serverless",
          dbSubnetGroupName: subnets.name,
          publiclyAccessible: false,
          promotionTier: role === "writer" ? 0 : 1,
          performanceInsightsEnabled: true,
          performanceInsightsKmsKeyId: args.keyArn,
          monitoringInterval: 60,
          monitoringRoleArn: monitor.arn,
          // Versions change here and not by themselves, or the next run would try to go back.
          autoMinorVersionUpgrade: false,
          copyTagsToSnapshot: true,
        },
        { parent: cluster, protect: true, dependsOn: [monitor] },
      );
    this.endpoint = cluster.endpoint;
    this.readerEndpoint = cluster.readerEndpoint;
    this.secretArn = cluster.masterUserSecrets.apply((secrets) => secrets[0]?.secretArn ?? "");
    this.registerOutputs({ endpoint: this.endpoint });
  }
}
