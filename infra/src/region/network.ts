import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as ec2 from "@pulumi/aws/ec2/index.js";
import { ComponentResource, type ComponentResourceOptions, type Output } from "@pulumi/pulumi";
import { ServiceRole } from "./service-role.ts";
import { planSubnets, type SubnetTier } from "./subnet-plan.ts";

export interface NetworkArgs {
  readonly vpcCidr: string;
  readonly zones: readonly string[];
  /** Load balancers find their subnets by a tag with the cluster's name. */
  readonly clusterName: string;
  readonly logKeyArn: Output<string>;
  readonly logDays: number;
}

/** The VPC of a region: three zones of public, private and intra subnets, one NAT gateway a zone, and a flow log. */
export class Network extends ComponentResource {
  readonly vpcId: Output<string>;
  readonly privateSubnetIds: readonly Output<string>[];
  readonly intraSubnetIds: readonly Output<string>[];
  /** Of all subnets that are not public, for the S3 gateway endpoint. */
  readonly innerRouteTableIds: readonly Output<string>[];
  /** The addresses under which the region calls the internet, one a zone. */
  readonly natAddresses: readonly Output<string>[];

  constructor(name: string, args: NetworkArgs, options?: ComponentResourceOptions) {
    super("headgate:region:Network", name, {}, options);
    const parent = { parent: this };
    const vpc = new ec2.Vpc(
      name,
      {
        cidrBlock: args.vpcCidr,
        enableDnsHostnames: true,
        enableDnsSupport: true,
        enableNetworkAddressUsageMetrics: true,
        tags: { Name: name },
      },
      { parent: this, protect: true },
    );
    // Taken over so that it stays empty: what forgets to name a security group then reaches nothing.
    new ec2.DefaultSecurityGroup(`${name}-default`, { vpcId: vpc.id, ingress: [], egress: [] }, parent);

    const planned = planSubnets(args.vpcCidr, args.zones);
    const subnets = planned.map(({ tier, zone, cidr }) => {
      const subnetName = `${name}-${tier}-${zone}`;
      const subnet = new ec2.Subnet(
        subnetName,
        {
          vpcId: vpc.id,
          availabilityZone: zone,
          cidrBlock: cidr,
          mapPublicIpOnLaunch: false,
          tags: { Name: subnetName, ...discoveryTags(tier, args.clusterName) },
        },
        { parent: this, protect: true },
      );
      return { tier, zone, subnet };
    });
    const inTier = (tier: SubnetTier) => subnets.filter((entry) => entry.tier === tier);
    const routeTable = (suffix: string, zones: typeof subnets) => {
      const tableName = `${name}-${suffix}`;
      const table = new ec2.RouteTable(tableName, { vpcId: vpc.id, tags: { Name: tableName } }, parent);
      for (const { tier, zone, subnet } of zones)
        new ec2.RouteTableAssociation(
          `${name}-${tier}-${zone}`,
          { routeTableId: table.id, subnetId: subnet.id },
          { parent: table },
        );
      return table;
    };

    const gateway = new ec2.InternetGateway(name, { vpcId: vpc.id, tags: { Name: name } }, parent);
    const publicTable = routeTable("public", inTier("public"));
    const toInternet = new ec2.Route(
      `${name}-public`,
      { routeTableId: publicTable.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id },
      { parent: publicTable },
    );
    const exits = inTier("public").map(({ zone, subnet }) => {
      const exitName = `${name}-${zone}`;
      // Tenants put these addresses on their providers' allow lists, so they outlive a mistake.
      const address = new ec2.Eip(
        exitName,
        { domain: "vpc", tags: { Name: exitName } },
        { parent: this, protect: true },
      );
      const nat = new ec2.NatGateway(
        exitName,
        { allocationId: address.allocationId, subnetId: subnet.id, tags: { Name: exitName } },
        { parent: this, dependsOn: [toInternet] },
      );
      const table = routeTable(
        `private-${zone}`,
        inTier("private").filter((entry) => entry.zone === zone),
      );
      new ec2.Route(
        `${name}-private-${zone}`,
        { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", natGatewayId: nat.id },
        { parent: table },
      );
      return { address: address.publicIp, tableId: table.id };
    });
    const intraTable = routeTable("intra", inTier("intra"));

    this.vpcId = vpc.id;
    this.privateSubnetIds = inTier("private").map(({ subnet }) => subnet.id);
    this.intraSubnetIds = inTier("intra").map(({ subnet }) => subnet.id);
    this.innerRouteTableIds = [...exits.map((exit) => exit.tableId), intraTable.id];
    this.natAddresses = exits.map((exit) => exit.address);
    this.recordFlows(name, vpc, args);
    this.registerOutputs({ vpcId: this.vpcId });
  }

  /** Who talked to whom, by address and port, kept for as long as all logs. */
  private recordFlows(name: string, vpc: ec2.Vpc, args: NetworkArgs): void {
    const group = new cloudwatch.LogGroup(
      `${name}-flows`,
      { name: `/headgate/${name}/flows`, kmsKeyId: args.logKeyArn, retentionInDays: args.logDays },
      { parent: this },
    );
    const role = new ServiceRole(
      `${name}-flows`,
      {
        description: "Writes the VPC's flow log",
        service: "vpc-flow-logs.amazonaws.com",
        statements: [
          {
            sid: "WriteFlows",
            actions: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            resources: [group.arn, group.arn.apply((arn) => `${arn}:*`)],
          },
        ],
      },
      { parent: this },
    );
    new ec2.FlowLog(
      name,
      {
        vpcId: vpc.id,
        trafficType: "ALL",
        logDestinationType: "cloud-watch-logs",
        logDestination: group.arn,
        iamRoleArn: role.arn,
        maxAggregationInterval: 60,
        tags: { Name: name },
      },
      { parent: this, dependsOn: [role] },
    );
  }
}

function discoveryTags(tier: SubnetTier, clusterName: string): Record<string, string> {
  if (tier === "intra") return {};
  const role = tier === "public" ? "kubernetes.io/role/elb" : "kubernetes.io/role/internal-elb";
  return { [role]: "1", [`kubernetes.io/cluster/${clusterName}`]: "shared" };
}
