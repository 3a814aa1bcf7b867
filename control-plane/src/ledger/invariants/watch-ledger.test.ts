import { CONTRACT } from "@headgate/sdk/contract";
import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import { type SQL, sql } from "drizzle-orm";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readTenant, withTenant } from "../../db/tenant-scope.ts";
import { openTestPlatform, streamOf, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";
import { ingestBatch } from "../ingest/ingest-batch.ts";
import type { UsageOwner } from "../ingest/repository.ts";
import { createAudit } from "./audit.ts";
import { createLedgerWatch } from "./watch-ledger.ts";

let platform: TestPlatform;
let owners: UsageOwner[];
let registry: Registry;
let alarms: { readonly tenant_id: string; readonly invariant: string; readonly rows: number }[];

beforeAll(async () => {
  platform = await openTestPlatform();
  owners = [await platform.newTenant(), await platform.newTenant(), await platform.newTenant()];
  owners.sort((one, other) => (one.tenantId < other.tenantId ? -1 : 1));
  for (const owner of owners) await takeIn(owner);
});
afterAll(() => platform.close());
beforeEach(() => {
  registry = new Registry();
  alarms = [];
});

/** Time stands still: a pass audits every tenant to its end, or takes one turn where it may take no time. */
function watch(options: { turnEvents?: number; passMs?: number; chance?: () => number } = {}) {
  const log = { error: (alarm: (typeof alarms)[number]) => alarms.push(alarm) };
  return createLedgerWatch({
    db: platform.db,
    log,
    registry,
    contract: CONTRACT,
    chance: () => 0,
    clock: { monotonicMs: () => 0 },
    passMs: 1,
    ...options,
  });
}

/** A new stream's, of two events each. */
function batches(count: number) {
  const events = Array.from({ length: 2 * count }, () => makeUsageEvent({ started_at: TEST_NOW }));
  return streamOf(
    makeId("stream"),
    events,
    events.slice(count).map(() => 2),
  );
}

async function takeIn(owner: UsageOwner, taken = batches(3)): Promise<void> {
  for (const batch of taken)
    expect((await ingestBatch(platform.db, owner, batch, TEST_NOW)).kind).toBe("applied");
}

async function change(owner: UsageOwner, how: SQL): Promise<void> {
  await withTenant(platform.db, owner.tenantId, (tx) => tx.execute(how));
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

const audits = (outcome: "ended" | "failed") => shown("headgate_ledger_audits_total", { outcome });
const violations = (invariant: string) => shown("headgate_ledger_invariant_violations", { invariant });

const MISCOUNT = sql`update usage_minute_calls set calls = calls + 1`;
const RIGHT_TOTALS = sql`update usage_streams set totals = (select header->'totals' from usage_batches b
  where b.stream_id = usage_streams.stream_id order by first_seq desc limit 1)`;

test.each([
  ["minutes", MISCOUNT, sql`update usage_minute_calls set calls = calls - 1`],
  ["totals", sql`update usage_streams set totals = totals || '{"request": "77"}'`, RIGHT_TOTALS],
  [
    "sequence",
    sql`update usage_streams set acked_seq = acked_seq + 1`,
    sql`update usage_streams set acked_seq = acked_seq - 1`,
  ],
] as const)(
  "a corrupted row raises the alarm of its invariant (%s) until it is mended",
  async (invariant, damage, mending) => {
    const owner = ownerAt(1);
    const pass = watch();
    await pass();
    const before = await violations(invariant);
    await change(owner, damage);
    alarms = [];
    await pass();
    expect(await violations(invariant)).toBeGreaterThan(before ?? 0);
    expect(alarms).toEqual([expect.objectContaining({ tenant_id: owner.tenantId, invariant })]);
    await change(owner, mending);
    await pass();
    expect(await violations(invariant)).toBe(0);
  },
);

test("every tenant is audited, wherever the round begins and however little a pass may do, and what arrives meanwhile is no fault", async () => {
  const pass = watch({ turnEvents: 1, passMs: 0, chance: () => 0.9 });
  await takeIn(ownerAt(0));
  for (let passes = 0; ((await audits("ended")) ?? 0) < 8; passes += 1) {
    expect(passes).toBeLessThan(200);
    if (passes % 4 === 1 && passes < 12) await takeIn(ownerAt(passes % 3));
    await pass();
  }
  expect(alarms).toEqual([]);
});

test("a ledger that grows as fast as it is read is audited to its end", async () => {
  const owner = ownerAt(2);
  const arriving = batches(60);
  await takeIn(owner, arriving.splice(0, 3));
  const audit = createAudit(CONTRACT);
  const turn = () => readTenant(platform.db, owner.tenantId, (tx) => audit.advance(tx, 3));
  let found = await turn();
  while (found === undefined && arriving.length > 0) {
    await takeIn(owner, arriving.splice(0, 2));
    found = await turn();
  }
  expect(found).toEqual([]);
});

test("an audit that fails is counted and keeps no other from its end", async () => {
  const owner = ownerAt(0);
  const pass = watch();
  await pass();
  const healthy = (await audits("ended")) ?? 0;
  expect(await audits("failed")).toBe(0);
  await change(owner, sql`update usage_streams set totals = 'null'`);
  await pass();
  await change(owner, RIGHT_TOTALS);
  expect(alarms).toEqual([expect.objectContaining({ tenant_id: owner.tenantId })]);
  expect(await audits("failed")).toBe(1);
  expect(await audits("ended")).toBe(healthy + healthy - 1);
});

test("a tenant with a long ledger does not keep the next from being audited, and is audited too", async () => {
  const [long, short] = [ownerAt(0), ownerAt(1)];
  await takeIn(long, batches(40));
  for (const owner of [long, short]) await change(owner, MISCOUNT);
  const pass = watch({ turnEvents: 1, passMs: 0 });
  for (let passes = 0; alarms.at(-1)?.tenant_id !== long.tenantId; passes += 1) {
    expect(passes).toBeLessThan(400);
    await pass();
  }
  expect(alarms[0]?.tenant_id).toBe(short.tenantId);
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
