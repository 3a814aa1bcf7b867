import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { usageRouter } from "../billing/usage/router.ts";
import { openTestPlatform, streamOf, TEST_NOW, type TestPlatform } from "../testing/test-platform.ts";
import { ingestBatch } from "./ingest/ingest-batch.ts";
import type { UsageOwner } from "./ingest/repository.ts";
import type { StreamEvent } from "./list-events.ts";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform();
});
afterAll(() => platform.close());

const api = (owner: UsageOwner) => usageRouter.createCaller(platform.context(owner.tenantId));

/** Ships streams of these many events, each cut into batches of these sizes; gives what was shipped, in order. */
async function ship(owner: UsageOwner, streams: readonly (readonly number[])[], rawUsage?: string) {
  const shipped: StreamEvent[] = [];
  const ids = streams.map(() => makeId("stream")).sort();
  for (const [index, sizes] of streams.entries()) {
    const stream_id = ids[index] ?? makeId("stream");
    const count = sizes.reduce((sum, size) => sum + size, 0);
    const events = Array.from({ length: count }, () =>
      makeUsageEvent({
        started_at: TEST_NOW,
        ...(rawUsage === undefined ? {} : { raw_usage: rawUsage }),
      }),
    );
    for (const batch of streamOf(stream_id, events, sizes)) {
      await ingestBatch(platform.db, owner, batch, TEST_NOW);
      shipped.push(...batch.events.map((event) => ({ ...event, stream_id })));
    }
  }
  return shipped;
}

async function walk(owner: UsageOwner, limit: number) {
  const pages: StreamEvent[][] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await api(owner).events({ limit, ...(cursor === undefined ? {} : { cursor }) });
    pages.push(page.items);
    cursor = page.next_cursor;
  }
  return pages;
}

test("walking the pages gives every event as it was received, exactly once and in order, however batches are cut", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(sizes, { maxLength: 3 }),
      fc.integer({ min: 1, max: 9 }),
      async (cuts, limit) => {
        const owner = await platform.newTenant();
        const shipped = await ship(owner, cuts);
        const pages = await walk(owner, limit);
        expect(pages.flat()).toEqual(shipped);
        // No page but the last is short, and the last is empty only where there is nothing at all.
        expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
        expect(pages.at(-1)?.length === 0).toBe(shipped.length === 0);
      },
    ),
    { numRuns: 8 },
  );
});

test("a walk goes on beyond the batches that are in memory at once", async () => {
  const owner = await platform.newTenant();
  const shipped = await ship(owner, [Array.from({ length: 60 }, () => 1), [3, 500]]);
  expect((await walk(owner, 500)).flat()).toEqual(shipped);
});

test("a page of large events ends early, and the walk goes on from there", async () => {
  const owner = await platform.newTenant();
  const shipped = await ship(owner, [[100, 100, 100]], "x".repeat(4_096));
  const pages = await walk(owner, 500);
  expect(pages.flat()).toEqual(shipped);
  expect(pages).toHaveLength(2);
  expect(JSON.stringify(pages[0]).length).toBeLessThan(1.2 * 1024 * 1024);
});

test("a page does not unpack a batch that it does not show", async () => {
  const owner = await platform.newTenant();
  const shipped = await ship(owner, [[2, 2]]);
  const streamId = shipped[0]?.stream_id ?? "";
  await platform.db.execute(sql`
    insert into usage_batches (tenant_id, stream_id, first_seq, last_seq, sha256, header, packed, event_count, received_at)
    values (${owner.tenantId}, ${streamId}, 5, 6, '', '{}', 'cannot be unpacked', 2, 0)`);
  const page = await api(owner).events({ limit: 4 });
  expect(page.items).toEqual(shipped);
  await expect(api(owner).events({ cursor: String(page.next_cursor) })).rejects.toThrow();
});

test("events are seen by the tenant that they were reported for and by no other, even by its cursor", async () => {
  const [owner, stranger] = [await platform.newTenant(), await platform.newTenant()];
  await ship(owner, [[2, 2]]);
  const own = await ship(stranger, [[1]]);
  const { next_cursor } = await api(owner).events({ limit: 1 });
  expect(await api(stranger).events({})).toEqual({ items: own, next_cursor: null });
  const answer = await api(stranger).events({ cursor: String(next_cursor) });
  expect(answer.items.every((event) => own.some(({ request_id }) => request_id === event.request_id))).toBe(
    true,
  );
});

test.for([
  { limit: 0 },
  { limit: 501 },
  { limit: 1.5 },
  { cursor: "" },
  { cursor: "nonsense" },
  { cursor: `${makeId("stream")}_1` },
  { cursor: `${makeId("stream")}_5_4` },
  { cursor: `${makeId("stream")}_1_9999999999999999` },
  { cursor: `${makeId("agent")}_1_1` },
  { from: 0 },
])("%j is not an input", async (input) => {
  const owner = await platform.newTenant();
  await expect(api(owner).events(input)).rejects.toMatchObject({ code: "BAD_REQUEST" });
});
