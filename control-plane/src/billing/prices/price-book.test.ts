import { expect, test } from "vitest";
import { createPriceBook, type PriceVersion } from "./price-book.ts";

const MINUTE = 60_000;
const usage = {
  vendor: "openai",
  upstreamModel: "gpt-5-mini",
  dimension: "output_text",
};

function version(overrides: Partial<PriceVersion>): PriceVersion {
  return {
    id: "p",
    vendor: "openai",
    model: "gpt-5-mini",
    dimension: "output_text",
    usdPerMillion: "1",
    validFrom: 0,
    validTo: null,
    ...overrides,
  };
}

test("the exact name wins over a prefix, the longer prefix over the shorter, whatever their order", () => {
  const versions = [
    version({ id: "all", model: "*" }),
    version({ id: "long", model: "gpt-5-*" }),
    version({ id: "exact" }),
    version({ id: "short", model: "gpt-*" }),
  ];
  for (const order of [versions, versions.toReversed()]) {
    expect(createPriceBook(order).priceAt(usage, 0)?.id).toBe("exact");
    expect(createPriceBook(order).priceAt({ ...usage, upstreamModel: "gpt-5-nano" }, 0)?.id).toBe("long");
    expect(createPriceBook(order).priceAt({ ...usage, upstreamModel: "gpt-4" }, 0)?.id).toBe("short");
    expect(createPriceBook(order).priceAt({ ...usage, upstreamModel: "o9" }, 0)?.id).toBe("all");
  }
});

test("a price holds from its first minute until just before its end", () => {
  const book = createPriceBook([
    version({ id: "old", validTo: 2 * MINUTE, validFrom: MINUTE }),
    version({ id: "new", validFrom: 2 * MINUTE }),
  ]);
  expect(book.priceAt(usage, 0)).toBeUndefined();
  expect(book.priceAt(usage, MINUTE)?.id).toBe("old");
  expect(book.priceAt(usage, 2 * MINUTE - 1)?.id).toBe("old");
  expect(book.priceAt(usage, 2 * MINUTE)?.id).toBe("new");
});

test("a prefix price takes over while the exact one is not valid", () => {
  const book = createPriceBook([
    version({ id: "exact", validTo: MINUTE }),
    version({ id: "prefix", model: "gpt-*" }),
  ]);
  expect(book.priceAt(usage, 0)?.id).toBe("exact");
  expect(book.priceAt(usage, MINUTE)?.id).toBe("prefix");
});

test("another vendor, dimension or model has no price", () => {
  const book = createPriceBook([version({})]);
  expect(book.priceAt({ ...usage, vendor: "azure" }, 0)).toBeUndefined();
  expect(book.priceAt({ ...usage, dimension: "constructor" }, 0)).toBeUndefined();
  expect(book.priceAt({ ...usage, upstreamModel: "gpt-5-mini-2" }, 0)).toBeUndefined();
});

test("the changes inside a period are its breakpoints, once each and in order", () => {
  const book = createPriceBook([
    version({ validFrom: 5, validTo: 10 }),
    version({ validFrom: 10 }),
    version({ validFrom: 0, validTo: 20 }),
  ]);
  expect(book.changesBetween(0, 20)).toEqual([5, 10]);
});
