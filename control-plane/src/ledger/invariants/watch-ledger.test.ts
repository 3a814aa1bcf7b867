import { CONTRACT } from "@headgate/sdk/contract";
import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { withTenant } from "../../db/tenant-scope.ts";
import { openTestPlatform, streamOf, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";
import { ingestBatch } from "../ingest/ingest-batch.ts";
import type { UsageOwner } from "../ingest/repository.ts";
import { createLedgerWatch } from "./watch-ledger.ts";

let platform: TestPlatform;
let owners: UsageOwner[];
let registry: Registry;
let alarms: { readonly tenant_id: string; readonly invariant: string; readonly rows: number }[];

beforeAll(async () => {
  platform = await openTestPlatform();
  owners = [await platform.newTenant(), await platform.newTenant(), await platform.newTenant()];
  for (const owner of owners) await takeIn(owner);
});
afterAll(() => platform.close());
beforeEach(() => {
  registry = new Registry();
  alarms = [];
});

function watch(options: { batchesMax?: number; chance?: () => number } = {}) {
  const log = { error: (alarm: (typeof alarms)[number]) => alarms.push(alarm) };
  return createLedgerWatch({
    db: platform.db,
    log,
    registry,
    contract: CONTRACT,
    chance: () => 0,
    ...options,
  });
}

/** A stream of its own, in three batches. */
async function takeIn(owner: UsageOwner): Promise<void> {
  const events = Array.from({ length: 6 }, () => makeUsageEvent({ started_at: TEST_NOW }));
  for (const batch of streamOf(makeId("stream"), events, [2, 2]))
    expect((await ingestBatch(platform.db, owner, batch, TEST_NOW)).kind).toBe("applied");
}

function ownerAt(index: number): UsageOwner {
  const owner = owners[index];
  if (owner === undefined) throw new Error("no such tenant");
  return owner;
}

async function shown(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  const { values } = (await registry.getSingleMetric(name)?.get()) ?? { values: [] };
  return values.find((value) => Object.entries(labels).every(([key, text]) => value.labels[key] === text))
    ?.value;
}

const violations = (invariant: string) => shown("headgate_ledger_invariant_violations", { invariant });

test.each([
  [
    "minutes",
    sql`update usage_minute_calls set calls = calls + 1`,
    sql`update usage_minute_calls set calls = calls - 1`,
  ],
  ["totals", sql`update usage_streams set totals = totals || '{"request": "77"}'`, undefined],
  [
    "sequence",
    sql`update usage_streams set acked_seq = acked_seq + 1`,
    sql`update usage_streams set acked_seq = acked_seq - 1`,
  ],
] as const)(
  "a corrupted row raises the alarm of its invariant (%s) until it is mended",
  async (invariant, damage, mending) => {
    const { tenantId } = ownerAt(1);
    const pass = watch();
    await pass();
    const before = await violations(invariant);
    await withTenant(platform.db, tenantId, (tx) => tx.execute(damage));
    alarms = [];
    await pass();
    expect(await violations(invariant)).toBeGreaterThan(before ?? 0);
    expect(alarms).toEqual([expect.objectContaining({ tenant_id: tenantId, invariant })]);
    await withTenant(platform.db, tenantId, (tx) =>
      tx.execute(
        mending ??
          sql`update usage_streams set totals = (select header->'totals' from usage_batches b
      where b.stream_id = usage_streams.stream_id order by first_seq desc limit 1)`,
      ),
    );
    await pass();
    expect(await violations(invariant)).toBe(0);
  },
);

test("every tenant is audited, wherever the round begins and however little a pass may do, and what arrives meanwhile is no fault", async () => {
  const pass = watch({ batchesMax: 1, chance: () => 0.9 });
  const audited = () => shown("headgate_ledger_audits_total");
  await takeIn(ownerAt(0));
  for (let passes = 0; ((await audited()) ?? 0) < 8; passes += 1) {
    expect(passes).toBeLessThan(200);
    if (passes % 4 === 1 && passes < 12) await takeIn(ownerAt(passes % 3));
    await pass();
  }
  expect(alarms).toEqual([]);
});

test("a batch that is not what was taken in raises an alarm that names where it lies", async () => {
  const owner = await platform.newTenant();
  await takeIn(owner);
  // Not even their owner changes batches, unless by this way.
  await platform.db.execute(sql`alter table usage_batches disable trigger usage_batches_immutable`);
  await platform.db.execute(
    sql`update usage_batches set packed = '\\x00' where tenant_id = ${owner.tenantId} and first_seq = 3`,
  );
  await platform.db.execute(sql`alter table usage_batches enable trigger usage_batches_immutable`);
  await watch()();
  expect(await violations("batches")).toBe(1);
  expect(alarms.find(({ invariant }) => invariant === "batches")).toMatchObject({
    tenant_id: owner.tenantId,
    rows: 1,
    at: [{ first_seq: 3 }],
  });
});
