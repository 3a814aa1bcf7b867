import { gzipSync } from "node:zlib";
import { CONTRACT, DATA_PLANE_API, type UsageAck, usageGap } from "@headgate/sdk/contract";
import { encodeUsageBatch, makeId, makeUsageBatch, makeUsageEvent } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withTenant } from "../../db/tenant-scope.ts";
import { STREAMS_PER_MINUTE_MAX } from "../../ledger/ingest/ingest-batch.ts";
import { joinedDataPlane, type TestDataPlane } from "../../testing/test-data-plane.ts";
import { openTestPlatform, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";

let platform: TestPlatform;
let dataPlane: TestDataPlane;
beforeAll(async () => {
  platform = await openTestPlatform();
  dataPlane = await joinedDataPlane(platform);
});
afterAll(() => platform.close());

const event = () => makeUsageEvent({ started_at: TEST_NOW });

async function ship(body: Uint8Array, from = dataPlane) {
  const response = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.usage,
    headers: { ...from.headers, "content-type": "application/x-ndjson", "content-encoding": "gzip" },
    payload: Buffer.from(body),
  });
  return { status: response.statusCode, body: response.json() };
}

function batch(options: Parameters<typeof makeUsageBatch>[0]) {
  return encodeUsageBatch(makeUsageBatch({ events: [event(), event()], ...options }));
}

async function streams(from = dataPlane) {
  return withTenant(platform.db, from.owner.tenantId, async (tx) => {
    const { rows } = await tx.execute(sql`select t::text from usage_streams t order by 1`);
    return rows;
  });
}

test("each kind of batch gets its answer", async () => {
  const header = { stream_id: makeId("stream"), writer_epoch: 2 };
  const first = makeUsageBatch({ events: [event(), event()], header });
  const packed = encodeUsageBatch(first);
  const acked = (ack: UsageAck) => ({ status: 200, body: CONTRACT.usageAck.write(ack, CONTRACT.version) });
  expect(await ship(packed)).toEqual(acked({ acked_seq: 2 }));
  expect(await ship(packed)).toEqual(acked({ acked_seq: 2 }));
  expect(await ship(batch({ header }))).toMatchObject({
    status: 409,
    body: { error: { code: "usage.history_changed" } },
  });
  expect(await ship(batch({ header, firstSeq: 5 }))).toMatchObject({
    status: 409,
    body: usageGap.parse({ code: "usage.gap", expected_seq: 3 }),
  });
  const fenced = batch({
    header: { ...header, writer_epoch: 1 },
    firstSeq: 3,
    totalsBefore: first.header.totals,
  });
  expect(await ship(fenced)).toMatchObject({ status: 409, body: { error: { code: "usage.fenced" } } });
  const wrongTotals = batch({ header, firstSeq: 3 });
  expect(await ship(wrongTotals)).toMatchObject({
    status: 422,
    body: { error: { code: "usage.invalid_batch" } },
  });
  expect(await ship(batch({ header, firstSeq: 3, totalsBefore: first.header.totals }))).toEqual(
    acked({ acked_seq: 4 }),
  );
});

test("a data plane begins so many streams in a minute, what it ships beyond them is asked for again, and others begin theirs", async () => {
  const eager = await joinedDataPlane(platform);
  const begun = [];
  for (let stream = 0; stream < STREAMS_PER_MINUTE_MAX; stream += 1) {
    const header = { stream_id: makeId("stream") };
    begun.push((await ship(batch({ header }), eager)).status);
  }
  expect(new Set(begun)).toEqual(new Set([200]));
  const next = batch({ header: { stream_id: makeId("stream") } });
  expect(await ship(next, eager)).toMatchObject({
    status: 429,
    body: { error: { code: "api.rate_limited" } },
  });
  expect((await ship(batch({ header: { stream_id: makeId("stream") } }))).status).toBe(200);
  platform.setNow(TEST_NOW + 60_000);
  expect((await ship(next, eager)).status).toBe(200);
  platform.setNow(TEST_NOW);
});

test("a batch that is refused leaves nothing behind", async () => {
  const before = await streams();
  const tooFarAhead = makeUsageEvent({ started_at: TEST_NOW + 25 * 3_600_000 });
  for (const bad of [
    batch({ header: { sha256: "0".repeat(64) } }),
    batch({ header: { totals: {} } }),
    batch({ events: [event(), tooFarAhead] }),
    batch({ firstSeq: 2 }),
    gzipSync(Buffer.alloc(8 * 1024 * 1024)),
    Buffer.from("not gzip"),
    Buffer.alloc(0),
  ]) {
    expect((await ship(bad)).status).toBeGreaterThanOrEqual(409);
  }
  expect(await streams()).toEqual(before);
});

test("a body larger than allowed is refused before it is read", async () => {
  expect(await ship(Buffer.alloc(1024 * 1024))).toMatchObject({
    status: 413,
    body: { error: { code: "request.body_too_large" } },
  });
});

test("usage goes to the tenant of the credential, and a stream of another tenant stays as it is", async () => {
  const stranger = await joinedDataPlane(platform);
  const header = { stream_id: makeId("stream") };
  await ship(batch({ header }));
  const before = await streams();
  expect((await ship(batch({ header, firstSeq: 3 }), stranger)).status).toBe(409);
  expect((await ship(batch({ header }), stranger)).status).toBe(200);
  expect(await streams()).toEqual(before);
  expect(await streams(stranger)).toHaveLength(1);
});
