import { at, listAt } from "../values.ts";
import { demandByType, notOn, type ResourceRule } from "./aws-resource.ts";

const EVERYWHERE = ["0.0.0.0/0", "::/0"];

/** The one way in is the load balancer that the gateway makes. */
export const notPublic: ResourceRule = {
  name: "not-public",
  description: "No database, bucket, node or API server is open to the internet.",
  check: demandByType({
    "aws:rds/clusterInstance:ClusterInstance": [notOn("publiclyAccessible")],
    "aws:rds/instance:Instance": [notOn("publiclyAccessible")],
    "aws:ec2/subnet:Subnet": [notOn("mapPublicIpOnLaunch")],
    "aws:s3/bucket:Bucket": [
      [(props) => !String(props["acl"] ?? "").startsWith("public"), "acl must not be public"],
    ],
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [
      [
        (props) =>
          ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].every(
            (name) => props[name] === true,
          ),
        "all four blocks must be on",
      ],
    ],
    "aws:eks/cluster:Cluster": [
      [
        (props) => at(props, "vpcConfig", "endpointPrivateAccess") === true,
        "vpcConfig.endpointPrivateAccess must be true, or nodes leave the VPC to reach the API server",
      ],
      [
        (props) =>
          // Both are AWS's defaults: public, and for everybody.
          at(props, "vpcConfig", "endpointPublicAccess") === false ||
          (listAt(props, "vpcConfig", "publicAccessCidrs").length > 0 &&
            !listAt(props, "vpcConfig", "publicAccessCidrs").some(isEverywhere)),
        "vpcConfig.publicAccessCidrs must name networks, or endpointPublicAccess be false",
      ],
    ],
  }),
};

/** Ways in and out are named one by one, each a resource of its own. */
export const narrowSecurityGroups: ResourceRule = {
  name: "narrow-security-groups",
  description: "Security groups let nothing in from everywhere, and have no inline rules.",
  check: demandByType({
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
      [
        (props) => !isEverywhere(props["cidrIpv4"]) && !isEverywhere(props["cidrIpv6"]),
        "nothing may be let in from everywhere",
      ],
      [(props) => props["ipProtocol"] !== "-1", "ipProtocol must name a protocol"],
    ],
    "aws:ec2/securityGroup:SecurityGroup": [
      [
        (props) => listAt(props, "ingress").length === 0 && listAt(props, "egress").length === 0,
        "rules must be resources of their own, not inline",
      ],
    ],
    "aws:ec2/securityGroupRule:SecurityGroupRule": [
      [() => false, "use aws:vpc/securityGroupIngressRule or EgressRule, one network a rule"],
    ],
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": [
      [
        (props) => listAt(props, "ingress").length === 0 && listAt(props, "egress").length === 0,
        "the default group must stay empty",
      ],
    ],
  }),
};

/** A server that can be tricked into a request must not give away its node's credentials. */
export const metadataService: ResourceRule = {
  name: "metadata-service-v2",
  description: "Instances answer the metadata service by version 2 only, and not to pods.",
  check: demandByType({
    "aws:ec2/instance:Instance": [[guarded, "metadataOptions must set httpTokens required and hop limit 1"]],
    "aws:ec2/launchTemplate:LaunchTemplate": [
      [guarded, "metadataOptions must set httpTokens required and hop limit 1"],
    ],
  }),
};

function guarded(props: Readonly<Record<string, unknown>>): boolean {
  return (
    at(props, "metadataOptions", "httpTokens") === "required" &&
    at(props, "metadataOptions", "httpPutResponseHopLimit") === 1
  );
}

function isEverywhere(cidr: unknown): boolean {
  return EVERYWHERE.includes(String(cidr));
}
