import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ingestBatch } from "../../ledger/ingest/ingest-batch.ts";
import { MINUTE_MS } from "../../ledger/minutes/roll-up.ts";
import { openTestPlatform, streamOf, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";
import { pricesRouter } from "../prices/router.ts";
import { usageRouter } from "../usage/router.ts";
import { invoicesRouter } from "./router.ts";

const HOUR_MS = 60 * MINUTE_MS;

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform();
});
afterAll(() => platform.close());

test("usage that came in is reported and invoiced through the API, to its own tenant only", async () => {
  const [owner, stranger] = [await platform.newTenant(), await platform.newTenant()];
  const event = { started_at: TEST_NOW, usage: { input_uncached: 3_000_000 } };
  const events = [
    makeUsageEvent({ ...event, labels: { cost_center: "cc-1" } }),
    makeUsageEvent({ ...event, attempt: 2, labels: { cost_center: "cc-1" }, accuracy: "estimated" }),
    makeUsageEvent({ ...event, labels: {}, status: "unsettled", outcome: "gateway_crashed" }),
  ];
  for (const batch of streamOf(makeId("stream"), events, [1]))
    await ingestBatch(platform.db, owner, batch, TEST_NOW);
  const price = await pricesRouter.createCaller(platform.context()).create({
    vendor: "openai",
    model: "*",
    dimension: "input_uncached",
    usd_per_million: "0.4",
    valid_from: 0,
  });

  const query = { from: TEST_NOW, to: TEST_NOW + HOUR_MS, group_by: ["cost_center" as const] };
  const { items } = await usageRouter
    .createCaller(platform.context(owner.tenantId))
    .query({ ...query, granularity: "hour" });
  expect(items).toEqual([
    {
      bucket: TEST_NOW,
      group: { cost_center: "" },
      calls: 1,
      attempts: 1,
      unsettled: 1,
      estimated: 0,
      quantities: {},
      amount_usd: "0",
      unrated: {},
    },
    {
      bucket: TEST_NOW,
      group: { cost_center: "cc-1" },
      calls: 1,
      attempts: 2,
      unsettled: 0,
      estimated: 1,
      quantities: { input_uncached: "6000000" },
      amount_usd: "2.4",
      unrated: {},
    },
  ]);

  const invoices = invoicesRouter.createCaller(platform.context(owner.tenantId));
  const invoice = await invoices.preview({ period: "2026-11" });
  expect(invoice).toEqual({
    tenant_id: owner.tenantId,
    period: "2026-11",
    currency: "USD",
    state: "draft",
    lines: [
      {
        line_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        vendor: "openai",
        model: "gpt-test",
        dimension: "input_uncached",
        quantity: "6000000",
        usd_per_million: "0.4",
        price_id: price.id,
        amount: "2.4",
      },
    ],
    subtotal: "2.4",
    rounding: "0",
    total: "2.40",
    blocked: false,
    unrated: [],
    unsettled_attempts: 1,
    calls: 2,
  });
  const line = { period: "2026-11", line_id: invoice.lines[0]?.line_id ?? "" };
  expect(
    (await invoices.line_usage(line)).items.map(({ first_seq, quantity }) => [first_seq, quantity]),
  ).toEqual([
    [1, "3000000"],
    [2, "3000000"],
  ]);

  const theirs = invoicesRouter.createCaller(platform.context(stranger.tenantId));
  expect(await theirs.preview({ period: "2026-11" })).toMatchObject({ lines: [], total: "0.00", calls: 0 });
  await expect(theirs.line_usage(line)).rejects.toMatchObject({ cause: { code: "api.not_found" } });
  expect(await invoices.preview({ period: "2026-10" })).toMatchObject({ lines: [], calls: 0 });
});

test("a report that would be too long, or not of whole minutes, is refused", async () => {
  const { tenantId } = await platform.newTenant();
  const usage = usageRouter.createCaller(platform.context(tenantId));
  const query = { from: TEST_NOW, to: TEST_NOW + 49 * HOUR_MS, group_by: [], granularity: "minute" as const };
  await expect(usage.query(query)).rejects.toMatchObject({ cause: { code: "api.invalid_input" } });
  await expect(usage.query({ ...query, to: TEST_NOW + 1 })).rejects.toThrow();
  await expect(usage.query({ ...query, to: TEST_NOW })).rejects.toThrow();
  expect(await usage.query({ ...query, granularity: "hour" })).toEqual({ items: [], next_cursor: null });
});
