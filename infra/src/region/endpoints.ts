import * as ec2 from "@pulumi/aws/ec2/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input } from "@pulumi/pulumi";
import { ClosedGroup } from "./closed-group.ts";

/** AWS services that pods and nodes reach without crossing a NAT gateway. */
export const INTERFACE_ENDPOINTS = [
  "ecr.api",
  "ecr.dkr",
  "eks-auth",
  "kms",
  "logs",
  "secretsmanager",
  "sts",
] as const;

export interface EndpointsArgs {
  readonly awsRegion: string;
  readonly vpcId: Input<string>;
  readonly vpcCidr: string;
  readonly subnetIds: readonly Input<string>[];
  readonly routeTableIds: readonly Input<string>[];
}

/** Private ways to AWS's own services: a gateway endpoint for S3, interface endpoints for the others. */
export class Endpoints extends ComponentResource {
  constructor(name: string, args: EndpointsArgs, options?: ComponentResourceOptions) {
    super("headgate:region:Endpoints", name, {}, options);
    const group = new ClosedGroup(
      `${name}-endpoints`,
      { vpcId: args.vpcId, description: "Interface endpoints: TLS from inside the VPC" },
      { parent: this },
    );
    group.allowIn("vpc", { port: 443, cidrIpv4: args.vpcCidr, description: "TLS from the VPC" });
    new ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: args.vpcId,
        serviceName: `com.amazonaws.${args.awsRegion}.s3`,
        vpcEndpointType: "Gateway",
        routeTableIds: [...args.routeTableIds],
        tags: { Name: `${name}-s3` },
      },
      { parent: this },
    );
    for (const service of INTERFACE_ENDPOINTS) {
      const endpointName = `${name}-${service.replaceAll(".", "-")}`;
      new ec2.VpcEndpoint(
        endpointName,
        {
          vpcId: args.vpcId,
          serviceName: `com.amazonaws.${args.awsRegion}.${service}`,
          vpcEndpointType: "Interface",
          privateDnsEnabled: true,
          subnetIds: [...args.subnetIds],
          securityGroupIds: [group.id],
          tags: { Name: endpointName },
        },
        { parent: this },
      );
    }
    this.registerOutputs();
  }
}
