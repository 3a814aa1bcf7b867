import * as iam from "@pulumi/aws/iam/index.js";
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from "@pulumi/pulumi";
import { iamDocument, type Statement } from "./iam-document.ts";

export interface ServiceRoleArgs {
  readonly description: string;
  /** Host name of the AWS service that may take the role. */
  readonly service: string;
  /** The service's session carries tags: EKS and its Pod Identity agent ask for that. */
  readonly taggedSession?: boolean;
  /** Further conditions of the trust. */
  readonly conditions?: Statement["conditions"];
  /** AWS's own policies, by their path after `policy/`. */
  readonly managedPolicies?: readonly string[];
  readonly statements?: readonly Statement[];
}

/**
 * A role that one AWS service takes on our behalf, with no more than the given rights. What uses the role depends on
 * this component, and so on its policies too.
 */
export class ServiceRole extends ComponentResource {
  readonly arn: Output<string>;
  readonly roleName: Output<string>;

  constructor(name: string, args: ServiceRoleArgs, options?: ComponentResourceOptions) {
    super("headgate:region:ServiceRole", name, {}, options);
    const role = new iam.Role(
      name,
      {
        description: args.description,
        assumeRolePolicy: iamDocument([
          {
            sid: "Trust",
            principals: { Service: args.service },
            actions: args.taggedSession === true ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"],
            ...(args.conditions === undefined ? {} : { conditions: args.conditions }),
          },
        ]),
      },
      { parent: this },
    );
    for (const path of args.managedPolicies ?? [])
      new iam.RolePolicyAttachment(
        `${name}-${path.slice(path.lastIndexOf("/") + 1)}`,
        { role: role.name, policyArn: `arn:aws:iam::aws:policy/${path}` },
        { parent: this },
      );
    if (args.statements !== undefined)
      new iam.RolePolicy(name, { role: role.name, policy: iamDocument(args.statements) }, { parent: this });
    this.arn = role.arn;
    this.roleName = role.name;
    this.registerOutputs({ arn: this.arn });
  }
}

/** The trust conditions that bind a Pod Identity role to one ServiceAccount. */
export function onlyServiceAccount(
  namespace: Input<string>,
  serviceAccount: Input<string>,
): Statement["conditions"] {
  return {
    StringEquals: {
      "aws:RequestTag/kubernetes-namespace": namespace,
      "aws:RequestTag/kubernetes-service-account": serviceAccount,
    },
  };
}
