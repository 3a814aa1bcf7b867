import { afterAll, beforeAll, expect, test } from "vitest";
import { MINUTE_MS } from "../../ledger/minutes/roll-up.ts";
import { openTestPlatform, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";
import { pricesRouter } from "./router.ts";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform();
});
afterAll(() => platform.close());

const price = {
  vendor: "openai",
  model: "gpt-5",
  dimension: "output_text",
  usd_per_million: "10.000000001",
  valid_from: 0,
};
const caller = () => pricesRouter.createCaller(platform.context());

async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  return (error as { cause?: { code?: string } } | undefined)?.cause?.code;
}

test("prices of one thing never overlap in time; a closed one may be followed", async () => {
  const first = await caller().create(price);
  expect(first).toMatchObject({ ...price, valid_to: null, created_at: TEST_NOW, created_by: "operator" });
  expect(await codeOf(caller().create({ ...price, valid_from: TEST_NOW }))).toBe("api.conflict");
  await caller().create({ ...price, model: "gpt-*" });
  await caller().create({ ...price, dimension: "reasoning" });
  const closed = await caller().close({ price_id: first.id, valid_to: TEST_NOW });
  expect(closed).toMatchObject({ id: first.id, valid_to: TEST_NOW, closed_by: "operator" });
  expect(await codeOf(caller().create({ ...price, valid_from: TEST_NOW - MINUTE_MS }))).toBe("api.conflict");
  await caller().create({ ...price, valid_from: TEST_NOW });
});

test("a price is closed once, and after it began", async () => {
  const made = await caller().create({ ...price, vendor: "once", valid_from: TEST_NOW });
  expect(await codeOf(caller().close({ price_id: made.id, valid_to: TEST_NOW }))).toBe("api.invalid_input");
  await caller().close({ price_id: made.id, valid_to: TEST_NOW + MINUTE_MS });
  expect(await codeOf(caller().close({ price_id: made.id, valid_to: TEST_NOW + 2 * MINUTE_MS }))).toBe(
    "api.conflict",
  );
  const unknown = platform.makeId("price");
  expect(await codeOf(caller().close({ price_id: unknown, valid_to: TEST_NOW }))).toBe("api.not_found");
});

test.each([
  ["a moment within a minute", { valid_from: 1 }],
  ["an end before the beginning", { valid_from: MINUTE_MS, valid_to: MINUTE_MS }],
  ["a negative price", { usd_per_million: "-1" }],
  ["more than nine places", { usd_per_million: "0.0000000001" }],
  ["an asterisk inside a name", { model: "gpt-*-mini" }],
  ["a member that is not known", { currency: "EUR" }],
])("%s is refused", async (_, wrong) => {
  expect(await codeOf(caller().create({ ...price, vendor: "bad", ...wrong }))).toBe("api.invalid_input");
});

test("a list gives every price once, page by page", async () => {
  for (const model of ["a", "b*", "*"]) await caller().create({ ...price, vendor: "paged", model });
  const first = await caller().list({ vendor: "paged", limit: 2 });
  const second = await caller().list({ vendor: "paged", limit: 2, cursor: first.next_cursor ?? "" });
  expect([first.items.length, second.items.length]).toEqual([2, 1]);
  expect([...first.items, ...second.items].map(({ model }) => model).sort()).toEqual(["*", "a", "b*"]);
  expect(second.next_cursor).toBeNull();
});

test("only the operator changes prices", async () => {
  const stranger = pricesRouter.createCaller({ ...platform.context(), credential: "hgo_wrong" });
  expect(await codeOf(stranger.create(price))).toBe("api.unauthenticated");
});
