import type { StackRule } from "./aws-resource.ts";

/** Whoever asks later who talked to whom gets an answer. */
export const recordedNetworks: StackRule = {
  name: "recorded-networks",
  description: "Every VPC has a flow log, and its default security group is taken over and empty.",
  check: (resources) =>
    resources
      .filter((resource) => resource.type === "aws:ec2/vpc:Vpc")
      .flatMap((vpc) => {
        const has = (type: string) =>
          resources.some((resource) => resource.type === type && resource.refs.includes(vpc.urn));
        return [
          ...(has("aws:ec2/flowLog:FlowLog") ? [] : ["the VPC has no flow log"]),
          ...(has("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
            ? []
            : ["the VPC's default security group is not taken over"]),
        ].map((message) => ({ urn: vpc.urn, message }));
      }),
};
