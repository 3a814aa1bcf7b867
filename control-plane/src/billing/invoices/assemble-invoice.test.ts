import { decimalFromScaled, scaledInteger } from "@headgate/sdk/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createPriceBook, type PriceVersion } from "../prices/price-book.ts";
import { assembleInvoice, type UsageSum } from "./assemble-invoice.ts";

const invoice = { tenantId: "ten_a", period: "2026-11" };
const CHANGE = 1_000;

function price(overrides: Partial<PriceVersion>): PriceVersion {
  return {
    id: "old",
    vendor: "openai",
    model: "gpt-5",
    dimension: "output_text",
    usdPerMillion: "10",
    validFrom: 0,
    validTo: null,
    ...overrides,
  };
}

const book = createPriceBook([
  price({ validTo: CHANGE }),
  price({ id: "new", usdPerMillion: "8.0000000001", validFrom: CHANGE }),
  price({ id: "free", dimension: "request", usdPerMillion: "0" }),
]);

function sum(overrides: Partial<UsageSum>): UsageSum {
  return {
    vendor: "openai",
    upstreamModel: "gpt-5",
    dimension: "output_text",
    quantity: 1_000_000n,
    pricedAtMs: 0,
    ...overrides,
  };
}

test("a price change makes two lines, each with the version that was valid", () => {
  const { lines, total, blocked } = assembleInvoice([sum({}), sum({ pricedAtMs: CHANGE })], book, invoice);
  expect(lines.map(({ price_id, amount }) => [price_id, amount])).toEqual([
    ["new", "8.0000000001"],
    ["old", "10"],
  ]);
  expect(total).toBe("18.00");
  expect(blocked).toBe(false);
});

test("usage without a price blocks the invoice and is never a line of zero", () => {
  const { lines, unrated, blocked, total } = assembleInvoice(
    [sum({ dimension: "audio_in", quantity: 3n }), sum({ dimension: "audio_in", quantity: 4n })],
    book,
    invoice,
  );
  expect(lines).toEqual([]);
  expect(unrated).toEqual([{ vendor: "openai", model: "gpt-5", dimension: "audio_in", quantity: "7" }]);
  expect([blocked, total]).toEqual([true, "0.00"]);
});

test("a price of zero is a price", () => {
  const { lines, blocked } = assembleInvoice([sum({ dimension: "request" })], book, invoice);
  expect(lines[0]).toMatchObject({ price_id: "free", amount: "0" });
  expect(blocked).toBe(false);
});

test("lines are exact, so small amounts are not rounded away, and the total is rounded once and says by how much", () => {
  const dimensions = ["output_text", "reasoning", "cache_read"];
  const cheap = createPriceBook(
    dimensions.map((dimension) => price({ id: dimension, dimension, usdPerMillion: "0.0084" })),
  );
  const { lines, ...invoiced } = assembleInvoice(
    dimensions.map((dimension) => sum({ dimension })),
    cheap,
    invoice,
  );
  expect(lines.map(({ amount }) => amount)).toEqual(["0.0084", "0.0084", "0.0084"]);
  expect(invoiced).toMatchObject({ subtotal: "0.0252", rounding: "0.0048", total: "0.03" });
});

test("however many lines there are, their exact sum and the rounding make the total, which is within half a cent of it", () => {
  const quantities = fc.array(fc.bigInt({ min: 0n, max: 10n ** 9n }), { maxLength: 30 });
  fc.assert(
    fc.property(quantities, fc.nat(10 ** 10), (all, unit) => {
      const usdPerMillion = decimalFromScaled(BigInt(unit), 10);
      const prices = all.map((_, at) => price({ id: `${at}`, dimension: `d${at}`, usdPerMillion }));
      const sums = all.map((quantity, at) => sum({ dimension: `d${at}`, quantity }));
      const { lines, subtotal, rounding, total } = assembleInvoice(sums, createPriceBook(prices), invoice);
      const exact = (decimal: string) =>
        decimal.startsWith("-") ? -scaledInteger(decimal.slice(1), 16) : scaledInteger(decimal, 16);
      expect(lines.reduce((added, { amount }) => added + exact(amount), 0n)).toBe(exact(subtotal));
      expect(exact(subtotal) + exact(rounding)).toBe(exact(total));
      expect(total).toMatch(/^\d+\.\d\d$/);
      expect(Math.abs(Number(rounding))).toBeLessThanOrEqual(0.005);
    }),
  );
});

test("line ids are stable, and differ by tenant, period, usage and price version", () => {
  const ids = [
    assembleInvoice([sum({}), sum({ pricedAtMs: CHANGE }), sum({ dimension: "request" })], book, invoice),
    assembleInvoice([sum({})], book, { ...invoice, period: "2026-12" }),
    assembleInvoice([sum({})], book, { ...invoice, tenantId: "ten_b" }),
  ].flatMap(({ lines }) => lines.map(({ line_id }) => line_id));
  expect(new Set(ids).size).toBe(5);
  const again = assembleInvoice([sum({ quantity: 5n })], book, invoice).lines[0]?.line_id;
  expect(ids).toContain(again);
});

test("the exact amounts of a period are those of its parts together, however it is cut", () => {
  const sums = fc.array(
    fc
      .record({
        quantity: fc.bigInt({ min: 0n, max: 10n ** 12n }),
        pricedAtMs: fc.constantFrom(0, CHANGE),
        dimension: fc.constantFrom("output_text", "request"),
      })
      .map(sum),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(sums, fc.nat(20), (all, cut) => {
      const whole = exactTotal(all);
      expect(exactTotal(all.slice(0, cut)) + exactTotal(all.slice(cut))).toBe(whole);
    }),
  );
});

function exactTotal(sums: UsageSum[]): bigint {
  const { lines } = assembleInvoice(sums, book, invoice);
  return lines.reduce((total, line) => total + scaledInteger(line.amount, 16), 0n);
}
