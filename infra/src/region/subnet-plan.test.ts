import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Cidr, cidrContains, cidrSize, cidrsOverlap, formatCidr, parseCidr } from "./cidr.ts";
import { addressesNeeded, regionSizeNames } from "./region-sizes.ts";
import { planSubnets, privateAddresses, SUBNET_TIERS } from "./subnet-plan.ts";

const vpcs = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 16, max: 20 }))
  .map(([address, prefix]) => ({ base: address - (address % 2 ** (32 - prefix)), prefix }));
const zones = ["a", "b", "c"];

function read(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`${text} is no network`);
  return cidr;
}

describe("the plan of subnets", () => {
  it("puts nine disjoint subnets inside any network, one of each tier in each zone", () => {
    fc.assert(
      fc.property(vpcs, (vpc) => {
        const planned = planSubnets(formatCidr(vpc), zones);
        expect(planned.map(({ tier, zone }) => `${tier} ${zone}`).sort()).toEqual(
          SUBNET_TIERS.flatMap((tier) => zones.map((zone) => `${tier} ${zone}`)).sort(),
        );
        const cidrs = planned.map(({ cidr }) => read(cidr));
        expect(cidrs.every((cidr) => cidrContains(vpc, cidr))).toBe(true);
        for (const [index, one] of cidrs.entries())
          for (const other of cidrs.slice(index + 1)) expect(cidrsOverlap(one, other)).toBe(false);
      }),
    );
  });

  it("gives pods three quarters of the network, and every subnet more than a load balancer needs", () => {
    fc.assert(
      fc.property(vpcs, (vpc) => {
        const planned = planSubnets(formatCidr(vpc), zones);
        const sizes = (tier: string) =>
          planned.filter((subnet) => subnet.tier === tier).map(({ cidr }) => cidrSize(read(cidr)));
        const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
        expect(sum(sizes("private"))).toBe((cidrSize(vpc) * 3) / 4);
        expect(sum(sizes("private")) - privateAddresses(formatCidr(vpc))).toBe(15);
        expect(Math.min(...sizes("public"), ...sizes("intra"))).toBeGreaterThanOrEqual(64);
      }),
    );
  });

  it("holds every size in the largest network, and only the smallest size in the smallest one", () => {
    const fits = (vpc: string) =>
      regionSizeNames.filter((size) => addressesNeeded(size) <= privateAddresses(vpc));
    expect(fits("10.0.0.0/16")).toEqual(["small", "standard", "large"]);
    expect(fits("10.0.0.0/20")).toEqual(["small"]);
  });

  it("moves no subnet when it is made again", () => {
    expect(
      planSubnets("10.40.0.0/16", ["z1", "z2", "z3"]).map(
        ({ tier, zone, cidr }) => `${tier} ${zone} ${cidr}`,
      ),
    ).toMatchInlineSnapshot(`
        [
          "public z1 10.40.192.0/21",
          "private z1 10.40.0.0/18",
          "intra z1 10.40.216.0/21",
          "public z2 10.40.200.0/21",
          "private z2 10.40.64.0/18",
          "intra z2 10.40.224.0/21",
          "public z3 10.40.208.0/21",
          "private z3 10.40.128.0/18",
          "intra z3 10.40.232.0/21",
        ]
      `);
  });
});
