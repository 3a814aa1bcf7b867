/** What AWS would have chosen for a resource, as far as the region's program reads it. */
export function answerAs(
  type: string,
  name: string,
  inputs: Record<string, unknown>,
): Record<string, unknown> {
  const arn = `arn:aws:test:::${type.split(":")[1]}/${name}`;
  const common = { arn, name: inputs["name"] ?? name };
  switch (type) {
    case "aws:kms/key:Key":
      return { ...common, keyId: `${name}-key` };
    case "aws:s3/bucket:Bucket":
      return { arn: `arn:aws:s3:::${inputs["bucket"]}` };
    case "aws:ec2/eip:Eip":
      return { ...common, allocationId: `eipalloc-${name}`, publicIp: "198.51.100.7" };
    case "aws:eks/cluster:Cluster":
      return {
        ...common,
        endpoint: "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com",
        certificateAuthority: { data: "Y2VydGlmaWNhdGU=" },
        identities: [
          { oidcs: [{ issuer: "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF" }] },
        ],
        vpcConfig: { ...(inputs["vpcConfig"] as object), clusterSecurityGroupId: "sg-cluster", vpcId: "vpc" },
      };
    case "aws:rds/cluster:Cluster":
      return {
        ...common,
        endpoint: `${name}.cluster.rds.amazonaws.com`,
        readerEndpoint: `${name}.cluster-ro.rds.amazonaws.com`,
        masterUserSecrets: [
          { secretArn: `arn:aws:secretsmanager:::secret/${name}`, kmsKeyId: "k", secretStatus: "active" },
        ],
      };
    case "aws:elasticache/replicationGroup:ReplicationGroup":
      return { ...common, primaryEndpointAddress: `master.${name}.cache.amazonaws.com` };
    case "aws:route53/zone:Zone":
      return { ...common, zoneId: `Z${name}`, nameServers: ["ns-1.example.net", "ns-2.example.net"] };
    case "aws:route53/record:Record":
      return { fqdn: inputs["name"] };
    case "aws:acm/certificate:Certificate":
      return {
        ...common,
        domainValidationOptions: ["", "*."].map((prefix) => ({
          domainName: `${prefix}${inputs["domainName"]}`,
          resourceRecordName: `_proof.${inputs["domainName"]}`,
          resourceRecordType: "CNAME",
          resourceRecordValue: "_proof.acm-validations.aws",
        })),
      };
    default:
      return common;
  }
}
