import type { PolicyResource, ResourceValidationArgs } from "@pulumi/policy";
import { describe, expect, it } from "vitest";
import { awsPolicies } from "./policy-pack.ts";

const given = (type: string, props: Record<string, unknown>, more: Partial<PolicyResource> = {}) =>
  ({
    urn: `urn:${type}`,
    type,
    name: "x",
    props,
    opts: { protect: true, ignoreChanges: [], aliases: [] },
    dependencies: [],
    propertyDependencies: {},
    ...more,
  }) as unknown as PolicyResource & ResourceValidationArgs;

function policy(name: string) {
  const found = awsPolicies().find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`the pack has no policy ${name}`);
  return found;
}

describe("the pack for the Pulumi CLI", () => {
  it("reports what a rule has against a resource", async () => {
    const reports: string[] = [];
    const rule = policy("deletion-protected");
    if (!("validateResource" in rule) || typeof rule.validateResource !== "function")
      throw new Error("not a rule");
    await rule.validateResource(given("aws:s3/bucket:Bucket", { forceDestroy: true }), (message) => {
      reports.push(message);
    });
    expect(reports).toEqual(["forceDestroy must not be true"]);
  });

  it("knows what belongs to what by the engine's property dependencies", async () => {
    const vpc = given("aws:ec2/vpc:Vpc", {});
    const beside = (type: string) => given(type, {}, { propertyDependencies: { vpcId: [vpc] } });
    const group = beside("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
    const flows = beside("aws:ec2/flowLog:FlowLog");
    expect(await reportsOn([vpc, group, flows])).toEqual([]);
    expect(await reportsOn([vpc, group])).toEqual(["urn:aws:ec2/vpc:Vpc: the VPC has no flow log"]);
  });
});

async function reportsOn(resources: PolicyResource[]): Promise<string[]> {
  const reports: string[] = [];
  const rule = policy("recorded-networks");
  if (!("validateStack" in rule)) throw new Error("not a rule about a stack");
  await rule.validateStack(
    {
      resources,
      stackTags: new Map(),
      getConfig: <T extends object>() => ({}) as T,
      notApplicable: () => {
        throw new Error("not asked for");
      },
    },
    (message, urn) => {
      reports.push(`${urn}: ${message}`);
    },
  );
  return reports;
}
