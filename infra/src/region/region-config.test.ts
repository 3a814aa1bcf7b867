import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { PROJECTS } from "../names.ts";
import { parseSettings } from "../stack-config.ts";
import { regionConfig } from "./region-config.ts";
import { rawRegionConfig } from "./testing/make-region-config.ts";

const read = (value: unknown) =>
  parseSettings(regionConfig, value, { project: PROJECTS.region, key: "region" });

const example = readFileSync(new URL("../../programs/region/Pulumi.example.yaml", import.meta.url), "utf8");

/** The raw configuration with one key, by its path, set to something else. */
function changed(path: string, value: unknown): Record<string, unknown> {
  const config = structuredClone(rawRegionConfig());
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let place: Record<string, unknown> = config;
  for (const key of keys) place = place[key] as Record<string, unknown>;
  place[last] = value;
  return config;
}

describe("the configuration of a region", () => {
  it("has an example that is valid and shows every key", () => {
    const { config } = parse(example) as { config: Record<string, unknown> };
    const region = read(config["headgate-region:region"]);
    const shown = new Set(example.match(/^ *#? *[a-zA-Z]+:/gm)?.map((key) => key.replace(/[ #:]/g, "")));
    const keys = [
      ...Object.keys(regionConfig.shape),
      ...["network", "cluster", "audit"].flatMap((part) =>
        Object.keys(region[part as "network" | "cluster" | "audit"]),
      ),
    ];
    expect(keys.filter((key) => !shown.has(key))).toEqual([]);
  });

  it("fills in what may be left out", () => {
    expect(read(rawRegionConfig())).toMatchObject({
      network: { serviceCidr: "172.20.0.0/16" },
      cluster: { publicAccessCidrs: [], viewerRoleArns: [] },
      tags: {},
    });
  });

  it.each([
    ["name", "EU", "name: must be 2 to 20"],
    ["name", "eu--central", "name: must be 2 to 20"],
    ["accountId", 123456789012, "accountId: "],
    ["accountId", "1234", "accountId: must be the twelve digits"],
    ["awsRegion", "us-gov-west-1", "awsRegion: must be a region of the commercial partition"],
    ["domain", "Headgate.example.com", "domain: must be a domain in lower case"],
    ["parentZoneId", "example.com", "parentZoneId: must be the id of a Route 53 zone"],
    ["size", "huge", "size: "],
    ["network.vpcCidr", "10.40.1.0/16", "network.vpcCidr: must be an IPv4 network by its first address"],
    ["network.vpcCidr", "10.0.0.0/8", "network.vpcCidr: must be between /16"],
    [
      "network.vpcCidr",
      "10.40.0.0/20",
      "network.vpcCidr: has 3057 addresses for nodes and pods; the size standard needs 9000",
    ],
    ["network.serviceCidr", "10.40.128.0/20", "network.serviceCidr: must not overlap network.vpcCidr"],
    ["network.serviceCidr", "172.20.0.0/28", "network.serviceCidr: must be between /12 and /24"],
    ["network.zones", ["eu-central-1a", "eu-central-1b"], "network.zones: must name three"],
    [
      "network.zones",
      ["eu-central-1a", "eu-central-1a", "eu-central-1b"],
      "network.zones: must name three different",
    ],
    [
      "network.zones",
      ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
      "network.zones: must be zones of eu-central-1",
    ],
    ["cluster.kubernetesVersion", "1.30", "cluster.kubernetesVersion: "],
    [
      "cluster.publicAccessCidrs",
      ["0.0.0.0/0"],
      "cluster.publicAccessCidrs.0: must not be the whole internet",
    ],
    ["cluster.administratorRoleArns", [], "cluster.administratorRoleArns: must name at least one role"],
    [
      "cluster.administratorRoleArns",
      ["arn:aws:iam::123456789012:user/me"],
      "cluster.administratorRoleArns.0: must be the ARN of an IAM role",
    ],
    ["audit.retentionDays", 0, "audit.retentionDays: "],
    ["audit.replicaRegion", "eu-central-1", "audit.replicaRegion: must be another region"],
    ["network.subnets", 4, "network.subnets: there is no such setting"],
    ["vpc", {}, "vpc: there is no such setting"],
  ])("refuses %s = %j and says where and why", (path, value, message) => {
    expect(() => read(changed(path, value))).toThrow(message);
  });

  it("names every problem at once", () => {
    expect(() => read({ ...rawRegionConfig(), size: "huge", domain: "x" })).toThrow(/domain: .*\n {2}size: /);
  });

  it("refuses what is no configuration at all", () => {
    expect(() => read("region")).toThrow("region: ");
  });
});
