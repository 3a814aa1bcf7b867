import { runtime } from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { checkAwsStack } from "../policies/aws/aws-rules.ts";
import { baseFacts } from "./base-facts.ts";
import { INTERFACE_ENDPOINTS } from "./endpoints.ts";
import { keyPurposes } from "./keys.ts";
import { serviceAccounts } from "./pod-identities.ts";
import type { RegionConfig } from "./region-config.ts";
import { type RegionOutputs, regionOutputs } from "./region-outputs.ts";
import { regionProgram, runRegionProgram } from "./region-program.ts";
import { makeRegionConfig } from "./testing/make-region-config.ts";
import { type Rendered, type RenderedResource, renderProgram } from "./testing/render-region.ts";

const FULL = {
  parentZoneId: "Z0123456789ABC",
  gatewayHostname: "k8s-gateway.elb.eu-central-1.amazonaws.com",
  audit: { retentionDays: 400, replicaRegion: "eu-west-1" },
  tags: { team: "platform" },
};

let full: Rendered<RegionOutputs>;
let least: Rendered<RegionOutputs>;

beforeAll(async () => {
  full = await render(makeRegionConfig(FULL));
  least = await render(makeRegionConfig({ size: "small" }));
});

describe("a region's resources", () => {
  it("pass the policy pack, each and together, in the fullest and in the least configuration", () => {
    expect(checkAwsStack(full.resources)).toEqual([]);
    expect(checkAwsStack(least.resources)).toEqual([]);
  });

  it("would not pass it with one of them spoilt", () => {
    const spoilt = full.resources.map((resource) =>
      resource.type === "aws:rds/cluster:Cluster"
        ? { ...resource, protect: false, props: { ...resource.props, storageEncrypted: false } }
        : resource,
    );
    expect(checkAwsStack(spoilt).map(({ rule }) => rule)).toEqual([
      "encrypted-at-rest",
      "protected-by-pulumi",
    ]);
  });

  it("all go through the one provider, which is bound to the account and tags what it makes", () => {
    const custom = full.resources.filter(({ custom, type }) => custom && !type.startsWith("pulumi:"));
    expect(custom.filter(({ provider }) => provider?.name !== "headgate-eu-central")).toEqual([]);
    expect(only("pulumi:providers:aws").props).toMatchObject({
      region: "eu-central-1",
      allowedAccountIds: '["123456789012"]',
      defaultTags: expect.stringContaining('"team":"platform"'),
    });
  });

  it("have names of their own and a component above them", () => {
    const names = full.resources.map(({ type, name, parent }) => `${parent} ${type} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    const orphans = full.resources.filter(
      ({ custom, parent, type }) =>
        custom && !type.startsWith("pulumi:") && componentsAbove(parent).length === 0,
    );
    expect(orphans).toEqual([]);
  });

  it("keep their names when zones, sizes and tags stay, so that nothing is replaced by chance", async () => {
    const again = await render(makeRegionConfig({ ...FULL, size: "large" }));
    expect(again.resources.map(({ urn }) => urn).sort()).toEqual(full.resources.map(({ urn }) => urn).sort());
  });

  it("hold no secret: AWS makes the database's password, and everybody else signs in by role", () => {
    const text = JSON.stringify(full.resources.map(({ props }) => props));
    expect(text).not.toMatch(/"(masterPassword|authToken|passwords|accessKey|secretKey)"/);
  });

  it("are counted, so that a component that lost one is noticed", () => {
    expect(count(least.resources)).toMatchInlineSnapshot(`139`);
    expect(count(full.resources) - count(least.resources)).toMatchInlineSnapshot(`16`);
  });
});

describe("the network", () => {
  it("leaves by a NAT gateway in the same zone, and the databases' subnets not at all", () => {
    const routes = all("aws:ec2/route:Route");
    expect(routes).toHaveLength(4);
    for (const zone of ["a", "b", "c"]) {
      const route = routes.find(({ name }) => name.endsWith(`private-eu-central-1${zone}`));
      expect(route?.props["natGatewayId"]).toBe(`headgate-eu-central-eu-central-1${zone}-id`);
    }
    expect(routes.filter(({ name }) => name.includes("intra"))).toEqual([]);
  });

  it("shows load balancers their subnets and hides the databases' from them", () => {
    const tags = (tier: string) =>
      all("aws:ec2/subnet:Subnet")
        .filter(({ name }) => name.includes(`-${tier}-`))
        .map(({ props }) =>
          Object.keys(props["tags"] as object).filter((tag) => tag.startsWith("kubernetes.io/role")),
        );
    expect(tags("public")).toEqual(Array(3).fill(["kubernetes.io/role/elb"]));
    expect(tags("private")).toEqual(Array(3).fill(["kubernetes.io/role/internal-elb"]));
    expect(tags("intra")).toEqual([[], [], []]);
  });

  it("reaches AWS's services from inside", () => {
    const services = all("aws:ec2/vpcEndpoint:VpcEndpoint").map(({ props }) => props["serviceName"]);
    expect(services.sort()).toEqual(
      [...INTERFACE_ENDPOINTS, "s3"].map((service) => `com.amazonaws.eu-central-1.${service}`).sort(),
    );
  });

  it("lets only the cluster's own group reach database, counters and files", () => {
    const rules = all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").map(({ props }) => [
      props["toPort"],
      props["referencedSecurityGroupId"] ?? props["cidrIpv4"],
    ]);
    expect(rules.sort()).toEqual([
      [2049, "sg-cluster"],
      [443, "10.40.0.0/16"],
      [5432, "sg-cluster"],
      [6379, "sg-cluster"],
    ]);
  });
});

describe("the cluster", () => {
  it("has all three switches of Auto Mode, or EKS would refuse it", () => {
    expect(only("aws:eks/cluster:Cluster").props).toMatchObject({
      computeConfig: { enabled: true },
      kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: true }, serviceIpv4Cidr: "172.20.0.0/16" },
      storageConfig: { blockStorage: { enabled: true } },
      bootstrapSelfManagedAddons: false,
    });
  });

  it("has a public endpoint only where networks are named", async () => {
    expect(only("aws:eks/cluster:Cluster").props["vpcConfig"]).toMatchObject({ endpointPublicAccess: false });
    const { resources } = await render(
      makeRegionConfig({
        cluster: {
          kubernetesVersion: "1.36",
          publicAccessCidrs: ["203.0.113.0/24"],
          administratorRoleArns: ["arn:aws:iam::123456789012:role/headgate-platform"],
          viewerRoleArns: ["arn:aws:iam::123456789012:role/teams/on-call"],
        },
      }),
    );
    expect(only("aws:eks/cluster:Cluster", resources).props["vpcConfig"]).toMatchObject({
      endpointPublicAccess: true,
      publicAccessCidrs: ["203.0.113.0/24"],
    });
    expect(
      all("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", resources).map(({ name, props }) => [
        name,
        props["policyArn"],
      ]),
    ).toEqual([
      [
        "headgate-eu-central-admin-123456789012-headgate-platform",
        "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
      ],
      [
        "headgate-eu-central-viewer-123456789012-teams-on-call",
        "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy",
      ],
    ]);
    expect(checkAwsStack(resources)).toEqual([]);
  });

  it("waits for its roles' policies, its log group and the encryption of volumes", () => {
    const needed = only("aws:eks/cluster:Cluster").dependsOn.map((urn) => urn.split("::").at(-1));
    expect(needed).toEqual(
      expect.arrayContaining([
        "headgate-eu-central-cluster-AmazonEKSClusterPolicy",
        "headgate-eu-central-node-AmazonEKSWorkerNodeMinimalPolicy",
        "headgate-eu-central-cluster",
      ]),
    );
  });
});

describe("roles of pods", () => {
  it("can each be taken by one ServiceAccount only", () => {
    for (const [pod, account] of Object.entries(serviceAccounts)) {
      const role = one("aws:iam/role:Role", `headgate-eu-central-${pod}`);
      expect(JSON.parse(String(role.props["assumeRolePolicy"]))).toMatchObject({
        Statement: [
          {
            Principal: { Service: "pods.eks.amazonaws.com" },
            Condition: {
              StringEquals: {
                "aws:RequestTag/kubernetes-namespace": account.namespace,
                "aws:RequestTag/kubernetes-service-account": account.name,
              },
            },
          },
        ],
      });
      expect(
        one("aws:eks/podIdentityAssociation:PodIdentityAssociation", `headgate-eu-central-${pod}`).props,
      ).toMatchObject({
        namespace: account.namespace,
        serviceAccount: account.name,
      });
    }
  });

  it.each([
    ["api", ["kms", "s3"]],
    ["worker", ["kms", "s3"]],
    ["collector", ["logs"]],
  ])("of %s reach %j and nothing else", (pod, services) => {
    const policy = one("aws:iam/rolePolicy:RolePolicy", `headgate-eu-central-${pod}`);
    const document = JSON.parse(String(policy.props["policy"])) as {
      Statement: { Action: string[]; Resource: string[] }[];
    };
    const reached = document.Statement.flatMap(({ Action }) => Action.map((action) => action.split(":")[0]));
    expect(new Set(reached)).toEqual(new Set(services));
    expect(document.Statement.flatMap(({ Resource }) => Resource)).not.toContain("*");
  });

  it("of the API never delete an audit record", () => {
    expect(
      String(one("aws:iam/rolePolicy:RolePolicy", "headgate-eu-central-api").props["policy"]),
    ).not.toContain("Delete");
  });
});

describe("what is kept", () => {
  it("is protected, and the audit store outlives even the stack", () => {
    const bucket = (name: string) => one("aws:s3/bucket:Bucket", name);
    expect(bucket("headgate-eu-central-audit")).toMatchObject({ protect: true, retainOnDelete: true });
    expect(bucket("headgate-eu-central-state")).toMatchObject({ protect: true, retainOnDelete: false });
    expect(only("aws:rds/cluster:Cluster").protect).toBe(true);
  });

  it("is locked for the configured days, here and in the second region", () => {
    const locks = all("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration");
    expect(locks.map(({ props }) => [props["region"], props["rule"]])).toEqual([
      [undefined, { defaultRetention: { mode: "COMPLIANCE", days: 400 } }],
      ["eu-west-1", { defaultRetention: { mode: "COMPLIANCE", days: 400 } }],
    ]);
  });

  it("has everything of the copy in the second region", () => {
    const copy = full.resources.filter(
      ({ name, type, custom }) => custom && name.endsWith("audit-replica") && /s3|kms/.test(type),
    );
    const elsewhere = copy.filter(({ type }) => !type.includes("bucketReplicationConfig"));
    expect(elsewhere.length).toBeGreaterThan(8);
    expect(elsewhere.filter(({ props }) => props["region"] !== "eu-west-1")).toEqual([]);
  });

  it("has a key of its own for each purpose", () => {
    const keys = all("aws:kms/key:Key", least.resources).map(({ name }) => name);
    expect(keys).toEqual(Object.keys(keyPurposes).map((purpose) => `headgate-eu-central-${purpose}`));
  });
});

describe("the edge", () => {
  it("points names at the gateway only once there is one", () => {
    const names = (resources: readonly RenderedResource[]) =>
      all("aws:route53/record:Record", resources).map(({ props }) => `${props["type"]} ${props["name"]}`);
    expect(names(least.resources)).toEqual([
      "CAA eu.headgate.example.com",
      "CNAME _proof.eu.headgate.example.com",
    ]);
    expect(names(full.resources)).toEqual(
      expect.arrayContaining(["NS eu.headgate.example.com", "CNAME *.eu.headgate.example.com"]),
    );
  });
});

describe("the outputs", () => {
  it("keep to their schema, before and after a way through JSON", () => {
    expect(regionOutputs.parse(full.outputs)).toEqual(full.outputs);
    expect(regionOutputs.parse(JSON.parse(JSON.stringify(least.outputs)))).toEqual(least.outputs);
  });

  it("tell the base program where DNS, nodes and the API server are", () => {
    expect(baseFacts(full.outputs)).toMatchObject({
      region: "eu-central",
      domain: "eu.headgate.example.com",
      podCidr: "10.40.0.0/16",
      nodeCidrs: ["10.40.0.0/18", "10.40.64.0/18", "10.40.128.0/18"],
      dns: { cidrs: ["172.20.0.10/32"] },
    });
  });
});

describe("the stack's configuration", () => {
  it.each([
    ["is not there", {}, /Missing required configuration variable 'headgate-region:region'/],
    ["is wrong", { "headgate-region:region": "{}" }, /headgate-region:region is not valid:\n {2}name: /],
    ["has a key beside it", { "headgate-region:regoin": "{}" }, /headgate-region does not know: regoin/],
  ])("ends the run before anything is declared where it %s", (_, config, message) => {
    runtime.setAllConfig(config);
    expect(() => runRegionProgram()).toThrow(message);
  });
});

function render(config: RegionConfig): Promise<Rendered<RegionOutputs>> {
  return renderProgram(() => regionProgram(config));
}

function all(type: string, resources = full.resources): readonly RenderedResource[] {
  return resources.filter((resource) => resource.type === type);
}

function only(type: string, resources = full.resources): RenderedResource {
  const [first, ...rest] = all(type, resources);
  if (first === undefined || rest.length > 0)
    throw new Error(`there must be one ${type}, not ${rest.length + 1}`);
  return first;
}

function one(type: string, name: string): RenderedResource {
  const found = all(type).find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`there is no ${type} ${name}`);
  return found;
}

function componentsAbove(urn: string): readonly string[] {
  const resource = full.resources.find((candidate) => candidate.urn === urn);
  if (resource === undefined) return [];
  return [
    ...(resource.type.startsWith("headgate:") ? [resource.urn] : []),
    ...componentsAbove(resource.parent),
  ];
}

/** Of AWS: without components, the provider and the stack. */
function count(resources: readonly RenderedResource[]): number {
  return resources.filter(({ type }) => type.startsWith("aws:")).length;
}
