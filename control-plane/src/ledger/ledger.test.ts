import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { CONTRACT, type UsageEvent } from "@headgate/sdk/contract";
import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lineUsage, previewInvoice } from "../billing/invoices/service.ts";
import { insertPrice } from "../billing/prices/repository.ts";
import { usageReport } from "../billing/usage/service.ts";
import { readTenant, withPlatform, withTenant } from "../db/tenant-scope.ts";
import { openTestPlatform, packed, streamOf, TEST_NOW, type TestPlatform } from "../testing/test-platform.ts";
import { ingestBatch } from "./ingest/ingest-batch.ts";
import type { UsageOwner } from "./ingest/repository.ts";
import { createAudit, type Violation } from "./invariants/audit.ts";
import { addToMinutes, readMinutes } from "./minutes/repository.ts";
import { MINUTE_MS, rollUp } from "./minutes/roll-up.ts";
import { replay } from "./service.ts";

const NOVEMBER = { fromMs: Date.UTC(2026, 10), toMs: Date.UTC(2026, 11) };
const PRICE_CHANGE = TEST_NOW - 60 * MINUTE_MS;
const template = makeUsageEvent();
const agents = [makeId("agent"), makeId("agent")];

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform();
  for (const [dimension, usd_per_million, valid_from, valid_to] of [
    ["input_uncached", "0.1500000001", 0, PRICE_CHANGE],
    ["input_uncached", "0.25", PRICE_CHANGE, null],
    ["output_text", "10", 0, null],
    ["request", "0", 0, null],
  ] as const) {
    await addPrice({ dimension, usd_per_million, valid_from, valid_to });
  }
});
afterAll(() => platform.close());

const event = fc
  .record({
    agent: fc.nat(1),
    minutesAgo: fc.integer({ min: 1, max: 120 }),
    settled: fc.boolean(),
    usage: fc.record({
      input_uncached: fc.nat(100_000),
      output_text: fc.nat(1_000),
      request: fc.constant(1),
    }),
  })
  .map(
    ({ agent, minutesAgo, settled, usage }): UsageEvent => ({
      ...template,
      agent_id: agents[agent] ?? template.agent_id,
      started_at: TEST_NOW - minutesAgo * MINUTE_MS,
      status: settled ? "settled" : "unsettled",
      usage,
    }),
  );
const history = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 12 }),
  sizes: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }),
});

test("each batch counts once, however often and in whatever order batches are delivered", async () => {
  const deliveries = fc.array(fc.nat(20), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(history, deliveries, async ({ events, sizes }, order) => {
      const [shuffled, orderly] = [await platform.newTenant(), await platform.newTenant()];
      const batches = streamOf(makeId("stream"), events, sizes);
      for (const index of order) {
        const batch = batches[index % batches.length];
        if (batch !== undefined) await ingestBatch(platform.db, shuffled, batch, TEST_NOW);
      }
      for (const batch of batches) {
        expect((await ingestBatch(platform.db, shuffled, batch, TEST_NOW)).kind).toMatch(/applied|repeated/);
        expect((await ingestBatch(platform.db, orderly, batch, TEST_NOW)).kind).toBe("applied");
      }
      expect(await minutesOf(shuffled)).toEqual(await minutesOf(orderly));
      expect(await breaks(shuffled)).toEqual([]);
    }),
    { numRuns: 6 },
  );
});

test("history may come again in other batches, but not otherwise", async () => {
  const owner = await platform.newTenant();
  const streamId = makeId("stream");
  const events = Array.from({ length: 6 }, () => makeUsageEvent({ started_at: TEST_NOW }));
  for (const batch of streamOf(streamId, events, [2, 2]))
    await ingestBatch(platform.db, owner, batch, TEST_NOW);
  const before = await minutesOf(owner);
  const [recut] = streamOf(streamId, events, [5]);
  const middle = packed({ events: events.slice(1, 5), firstSeq: 2, header: { stream_id: streamId } });
  const forged = events.with(1, makeUsageEvent({ started_at: TEST_NOW, usage: { input_uncached: 1 } }));
  const [changed] = streamOf(streamId, forged, [5]);
  const [overlapping] = streamOf(streamId, [...events, ...events], [12]);
  if (!recut || !changed || !overlapping) throw new Error("no batches");
  expect(await ingestBatch(platform.db, owner, recut, TEST_NOW)).toEqual({ kind: "repeated", ackedSeq: 6 });
  expect(await ingestBatch(platform.db, owner, middle, TEST_NOW)).toEqual({ kind: "repeated", ackedSeq: 6 });
  expect(await ingestBatch(platform.db, owner, changed, TEST_NOW)).toEqual({ kind: "history_changed" });
  expect(await ingestBatch(platform.db, owner, overlapping, TEST_NOW)).toEqual({
    kind: "gap",
    expectedSeq: 7,
  });
  expect(await minutesOf(owner)).toEqual(before);
});

test("the same events are the same in the form of another version, and others are not", async () => {
  const owner = await platform.newTenant();
  const header = { stream_id: makeId("stream") };
  const events = [makeUsageEvent({ started_at: TEST_NOW }), makeUsageEvent({ started_at: TEST_NOW })];
  const newest = packed({ events, header });
  const lines = newest.events.map((one) => `${JSON.stringify(CONTRACT.usageEvent.write(one, 1))}\n`).join("");
  const sha256 = createHash("sha256").update(lines).digest("hex");
  const head = { ...newest.header, sha256 };
  const text = `${JSON.stringify(CONTRACT.usageBatch.write(head, 1))}\n${lines}`;
  const older = { ...newest, header: head, packed: gzipSync(text) };
  expect((await ingestBatch(platform.db, owner, older, TEST_NOW)).kind).toBe("applied");
  expect(await ingestBatch(platform.db, owner, newest, TEST_NOW)).toEqual({ kind: "repeated", ackedSeq: 2 });
  const forged = packed({
    events: events.with(1, makeUsageEvent({ started_at: TEST_NOW, usage: { input_uncached: 1 } })),
    header,
  });
  expect(await ingestBatch(platform.db, owner, forged, TEST_NOW)).toEqual({ kind: "history_changed" });
  expect(await breaks(owner)).toEqual([]);
});

test("a newer writer fences the older one off, even by repeating what is known", async () => {
  const owner = await platform.newTenant();
  const header = { stream_id: makeId("stream") };
  const first = packed({ events: [makeUsageEvent({ started_at: TEST_NOW })], header });
  await ingestBatch(platform.db, owner, first, TEST_NOW);
  const newer = { ...first, header: { ...first.header, writer_epoch: 2 } };
  expect((await ingestBatch(platform.db, owner, newer, TEST_NOW)).kind).toBe("repeated");
  const next = packed({
    events: [makeUsageEvent({ started_at: TEST_NOW })],
    firstSeq: 2,
    totalsBefore: first.header.totals,
    header,
  });
  expect((await ingestBatch(platform.db, owner, next, TEST_NOW)).kind).toBe("fenced");
});

test("claiming another tenant's stream, or another data plane's, changes nothing there", async () => {
  const [victim, attacker] = [await platform.newTenant(), await platform.newTenant()];
  const streamId = makeId("stream");
  const events = [makeUsageEvent({ started_at: TEST_NOW }), makeUsageEvent({ started_at: TEST_NOW })];
  const [first, second] = streamOf(streamId, events, [1]);
  if (!first || !second) throw new Error("no batches");
  await ingestBatch(platform.db, victim, first, TEST_NOW);
  const before = await everythingOf(victim);
  expect(await ingestBatch(platform.db, attacker, second, TEST_NOW)).toEqual({ kind: "gap", expectedSeq: 1 });
  expect((await ingestBatch(platform.db, attacker, first, TEST_NOW)).kind).toBe("applied");
  const sibling = { ...victim, dataPlaneId: makeId("dataPlane") };
  expect((await ingestBatch(platform.db, sibling, second, TEST_NOW)).kind).toBe("invalid");
  expect(await everythingOf(victim)).toEqual(before);
});

test("the minutes and the invoice can be thrown away and made again, to the unit", async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ events, sizes }) => {
      const owner = await platform.newTenant();
      for (const batch of streamOf(makeId("stream"), events, sizes))
        await ingestBatch(platform.db, owner, batch, TEST_NOW);
      const [minutes, invoice] = [await minutesOf(owner), await invoiceOf(owner)];
      await inTenant(owner, (tx) => tx.execute(sql`delete from usage_minutes`));
      if (events.some(({ status }) => status === "settled")) expect(await breaks(owner)).not.toEqual([]);
      await inTenant(owner, async (tx) => {
        await tx.execute(sql`delete from usage_minute_calls`);
        for await (const { events } of replay(tx, NOVEMBER))
          await addToMinutes(tx, owner.tenantId, rollUp(await events()));
      });
      expect(await minutesOf(owner)).toEqual(minutes);
      expect(await invoiceOf(owner)).toEqual(invoice);
      expect(await breaks(owner)).toEqual([]);
    }),
    { numRuns: 6 },
  );
});

test("every invoice line adds up again from the raw batches", async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ events, sizes }) => {
      const owner = await platform.newTenant();
      for (const batch of streamOf(makeId("stream"), events, sizes))
        await ingestBatch(platform.db, owner, batch, TEST_NOW);
      for (const line of (await invoiceOf(owner)).lines) {
        const parts: bigint[] = [];
        for (let cursor: string | null | undefined; cursor !== null; ) {
          const of = { period: "2026-11", lineId: line.line_id, cursor, limit: 2 };
          const page = await inTenant(owner, (tx) => lineUsage(tx, owner.tenantId, of));
          expect(page.items.length).toBeLessThanOrEqual(2);
          parts.push(...page.items.map(({ quantity }) => BigInt(quantity)));
          cursor = page.next_cursor;
        }
        expect(parts.reduce((a, b) => a + b, 0n)).toBe(BigInt(line.quantity));
      }
    }),
    { numRuns: 6 },
  );
});

test("usage is priced by the version that was valid in its minute", async () => {
  const owner = await platform.newTenant();
  const at = (started_at: number) =>
    makeUsageEvent({ started_at, usage: { input_uncached: 1_000_000 }, labels: { team: "search" } });
  const events = [at(PRICE_CHANGE - 1), at(PRICE_CHANGE), at(PRICE_CHANGE + 1)];
  for (const batch of streamOf(makeId("stream"), events, [1]))
    await ingestBatch(platform.db, owner, batch, TEST_NOW);
  const { lines, total, calls } = await invoiceOf(owner);
  expect(lines.map(({ quantity, amount }) => [quantity, amount]).sort()).toEqual([
    ["1000000", "0.1500000001"],
    ["2000000", "0.5"],
  ]);
  expect([total, calls]).toEqual(["0.65", 3]);
  const report = await inTenant(owner, (tx) =>
    usageReport(
      tx,
      { period: NOVEMBER, bucketMs: 60 * MINUTE_MS, groupBy: ["team", "vendor"] },
      { limit: 1_000 },
    ),
  );
  expect(report.items.map(({ bucket, group, amount_usd }) => [bucket, group, amount_usd])).toEqual([
    [PRICE_CHANGE - 60 * MINUTE_MS, { team: "search", vendor: "openai" }, "0.1500000001"],
    [PRICE_CHANGE, { team: "search", vendor: "openai" }, "0.5"],
  ]);
});

test("usage that arrives months late counts in its own minute, and adds up again from there", async () => {
  const owner = await platform.newTenant();
  const started_at = Date.UTC(2026, 7, 3, 12);
  const events = [makeUsageEvent({ started_at, usage: { input_uncached: 1_000_000 } })];
  for (const batch of streamOf(makeId("stream"), events, []))
    expect((await ingestBatch(platform.db, owner, batch, TEST_NOW)).kind).toBe("applied");
  const period = "2026-08";
  const { lines, calls } = await inTenant(owner, (tx) => previewInvoice(tx, owner.tenantId, period));
  expect([lines.map(({ quantity }) => quantity), calls]).toEqual([["1000000"], 1]);
  const lineId = lines[0]?.line_id ?? "";
  const of = { period, lineId, limit: 50 };
  const { items } = await inTenant(owner, (tx) => lineUsage(tx, owner.tenantId, of));
  expect(items.map(({ quantity }) => quantity)).toEqual(["1000000"]);
  expect(await breaks(owner)).toEqual([]);
});

test("a dimension that nobody has priced is kept, shown as unrated, and blocks the invoice until it has a price", async () => {
  const owner = await platform.newTenant();
  const dimension = "brand_new_kind";
  const events = [makeUsageEvent({ started_at: TEST_NOW, usage: { [dimension]: 2_000_000, request: 1 } })];
  for (const batch of streamOf(makeId("stream"), events, []))
    await ingestBatch(platform.db, owner, batch, TEST_NOW);
  const whole = { period: NOVEMBER, bucketMs: null, groupBy: [] };
  const {
    items: [row],
  } = await inTenant(owner, (tx) => usageReport(tx, whole, { limit: 1 }));
  expect(row).toMatchObject({
    amount_usd: null,
    unrated: { [dimension]: "2000000" },
    quantities: { request: "1" },
  });
  expect(await invoiceOf(owner)).toMatchObject({
    blocked: true,
    unrated: [{ dimension, quantity: "2000000" }],
  });
  await addPrice({ dimension, usd_per_million: "3", valid_from: 0, valid_to: null });
  expect(await invoiceOf(owner)).toMatchObject({ blocked: false, unrated: [], total: "6.00" });
});

test("damage to the minutes, the totals or the watermark is found", async () => {
  const owner = await platform.newTenant();
  const events = [makeUsageEvent({ started_at: TEST_NOW })];
  for (const batch of streamOf(makeId("stream"), events, []))
    await ingestBatch(platform.db, owner, batch, TEST_NOW);
  expect(await breaks(owner)).toEqual([]);
  await inTenant(owner, (tx) =>
    tx.execute(sql`update usage_minutes set quantity = quantity + 1 where dimension = 'request'`),
  );
  expect(await breaks(owner)).toMatchObject([{ invariant: "minutes", at: { raw: "1", stored: "2" } }]);
  await inTenant(owner, (tx) =>
    tx.execute(sql`update usage_streams set acked_seq = 2, totals = '{"request": "9"}'`),
  );
  expect((await breaks(owner)).map(({ invariant }) => invariant)).toEqual([
    "sequence",
    "totals",
    "totals",
    "totals",
    "minutes",
  ]);
});

function addPrice(price: {
  dimension: string;
  usd_per_million: string;
  valid_from: number;
  valid_to: number | null;
}) {
  const row = { ...price, id: makeId("price"), vendor: "openai", model: "gpt-*" };
  const made = { created_at: TEST_NOW, created_by: "test", closed_by: null };
  return withPlatform(platform.db, (tx) => insertPrice(tx, { ...row, ...made }));
}

function inTenant<T>(owner: UsageOwner, run: Parameters<typeof withTenant<T>>[2]): Promise<T> {
  return withTenant(platform.db, owner.tenantId, run);
}

function invoiceOf(owner: UsageOwner) {
  return inTenant(owner, (tx) => previewInvoice(tx, owner.tenantId, "2026-11"));
}

/** As sets: the order of rows means nothing. */
async function minutesOf(owner: UsageOwner) {
  const { quantities, calls } = await inTenant(owner, (tx) => readMinutes(tx, NOVEMBER));
  return [new Set(quantities.map(asText)), new Set(calls.map(asText))];
}

async function everythingOf(owner: UsageOwner) {
  const tables = ["usage_streams", "usage_batches", "usage_minutes", "usage_minute_calls"];
  return inTenant(owner, async (tx) => {
    const found: unknown[] = [];
    for (const table of tables)
      found.push((await tx.execute(sql`select t::text from ${sql.identifier(table)} t order by 1`)).rows);
    return found;
  });
}

async function breaks(owner: UsageOwner): Promise<readonly Violation[]> {
  const found = await readTenant(platform.db, owner.tenantId, (tx) =>
    createAudit(CONTRACT).advance(tx, Number.MAX_SAFE_INTEGER),
  );
  return found ?? [];
}

function asText(row: object): string {
  return JSON.stringify(row, (_, value) => (typeof value === "bigint" ? value.toString() : value));
}
