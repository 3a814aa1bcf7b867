import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cidrAddress,
  cidrContains,
  cidrPart,
  cidrSize,
  cidrsOverlap,
  formatCidr,
  parseCidr,
} from "./cidr.ts";

const networks = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 32 }))
  .map(([address, prefix]) => ({ base: address - (address % 2 ** (32 - prefix)), prefix }));

describe("networks in CIDR notation", () => {
  it("read back what they write", () => {
    fc.assert(
      fc.property(networks, (cidr) => {
        expect(parseCidr(formatCidr(cidr))).toEqual(cidr);
      }),
    );
  });

  it.each([
    "10.0.0.1/16",
    "10.0.0.0/33",
    "10.0.0.256/32",
    "10.0.0/8",
    "10.0.0.0",
    "fd00::/8",
    "10.0.0.0/16 ",
    "",
  ])("refuse %j", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it("are cut into parts that fill them without overlap", () => {
    fc.assert(
      fc.property(networks, fc.integer({ min: 0, max: 4 }), (cidr, bits) => {
        fc.pre(cidr.prefix + bits <= 32);
        const parts = Array.from({ length: 2 ** bits }, (_, index) =>
          cidrPart(cidr, cidr.prefix + bits, index),
        );
        expect(parts.every((part) => cidrContains(cidr, part))).toBe(true);
        expect(parts.reduce((sum, part) => sum + cidrSize(part), 0)).toBe(cidrSize(cidr));
        const clash = parts.some((one, index) =>
          parts.slice(index + 1).some((other) => cidrsOverlap(one, other)),
        );
        expect(clash).toBe(false);
      }),
    );
  });

  it("overlap only where one holds the other", () => {
    fc.assert(
      fc.property(networks, networks, (one, other) => {
        const apart = one.base + cidrSize(one) <= other.base || other.base + cidrSize(other) <= one.base;
        expect(cidrsOverlap(one, other)).toBe(!apart);
      }),
    );
  });

  it("have no part and no address beyond their end", () => {
    const cidr = { base: 0, prefix: 30 };
    expect(() => cidrPart(cidr, 31, 2)).toThrow(RangeError);
    expect(() => cidrPart(cidr, 29, 0)).toThrow(RangeError);
    expect(cidrAddress(cidr, 3)).toBe("0.0.0.3");
    expect(() => cidrAddress(cidr, 4)).toThrow(RangeError);
  });
});
