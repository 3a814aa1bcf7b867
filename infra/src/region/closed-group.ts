import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as vpc from "@pulumi/aws/vpc/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from "@pulumi/pulumi";

export interface ClosedGroupArgs {
  readonly vpcId: Input<string>;
  readonly description: string;
}

/** One TCP port, from one network or one other security group. */
export interface Allowance {
  readonly port: number;
  readonly description: string;
  readonly cidrIpv4?: Input<string>;
  readonly referencedSecurityGroupId?: Input<string>;
}

/**
 * A security group that lets nothing in or out until told. Rules are resources of their own: inline ones are taken
 * back and forth between two owners. What only answers needs no way out, since answers are let through by state.
 */
export class ClosedGroup extends ComponentResource {
  readonly id: Output<string>;
  private readonly label: string;

  constructor(name: string, args: ClosedGroupArgs, options?: ComponentResourceOptions) {
    super("headgate:region:ClosedGroup", name, {}, options);
    this.label = name;
    this.id = new ec2.SecurityGroup(
      name,
      { vpcId: args.vpcId, description: args.description, tags: { Name: name } },
      { parent: this },
    ).id;
    this.registerOutputs({ id: this.id });
  }

  allowIn(from: string, { port, ...rule }: Allowance): void {
    new vpc.SecurityGroupIngressRule(
      `${this.label}-from-${from}`,
      { securityGroupId: this.id, ipProtocol: "tcp", fromPort: port, toPort: port, ...rule },
      { parent: this },
    );
  }

  allowOut(to: string, { port, ...rule }: Allowance): void {
    new vpc.SecurityGroupEgressRule(
      `${this.label}-to-${to}`,
      { securityGroupId: this.id, ipProtocol: "tcp", fromPort: port, toPort: port, ...rule },
      { parent: this },
    );
  }
}
