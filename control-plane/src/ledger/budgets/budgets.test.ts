import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withTenant } from "../../db/tenant-scope.ts";
import { openTestPlatform, streamOf, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";
import { ingestBatch } from "../ingest/ingest-batch.ts";
import type { UsageOwner } from "../ingest/repository.ts";
import { chargesBeside } from "./service.ts";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform();
});
afterAll(() => platform.close());

const DAY_MS = 24 * 3_600_000;
const keyOf = (index: number) => `budget:bud_x:2026-11:agent=${index}`;
const spending = fc.record({ stream: fc.nat(2), key: fc.nat(3), amount: fc.nat(1_000), hears: fc.boolean() });

test("a replica that follows the account knows what all other streams have charged, and nothing twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spending, { minLength: 1, maxLength: 15 }), async (all) => {
      const [owner, other] = [await platform.newTenant(), await platform.newTenant()];
      const streams = [makeId("stream"), makeId("stream"), makeId("stream")];
      const [own] = streams;
      const batches = streams.map((streamId, stream) =>
        streamOf(
          streamId,
          all
            .filter((one) => one.stream === stream)
            .map(({ key, amount }) =>
              makeUsageEvent({ charges: [{ key: keyOf(key), amount: `${amount}` }] }),
            ),
          all.map(() => 1),
        ),
      );
      const follower = follow(owner, own ?? makeId("stream"));
      for (const { stream, hears } of all) {
        const batch = batches[stream]?.shift();
        if (batch === undefined) continue;
        // Twice: delivering a batch again changes nothing.
        await ingestBatch(platform.db, owner, batch, TEST_NOW);
        await ingestBatch(platform.db, owner, batch, TEST_NOW);
        if (hears) await follower.hear();
      }
      await follower.hear();
      const expected = new Map<string, bigint>();
      for (const { stream, key, amount } of all)
        if (stream !== 0) expected.set(keyOf(key), (expected.get(keyOf(key)) ?? 0n) + BigInt(amount));
      expect(new Map([...follower.known].sort())).toEqual(new Map([...expected].sort()));
      expect(await beside(other, makeId("stream"), 0)).toEqual({ version: 0, more: false, spent: [] });
    }),
    { numRuns: 8 },
  );
});

test("more counters than an answer may hold are told in several, each of them once", async () => {
  const owner = await platform.newTenant();
  const charges = Array.from({ length: 1_000 }, (_, index) => ({ key: keyOf(index), amount: "7" }));
  for (const batch of streamOf(
    makeId("stream"),
    [makeUsageEvent({ charges }), makeUsageEvent({ charges })],
    [1],
  ))
    await ingestBatch(platform.db, owner, batch, TEST_NOW);
  const follower = follow(owner, makeId("stream"));
  expect(await follower.hear()).toBe(2);
  expect([...follower.known.values()]).toEqual(charges.map(() => 14n));
});

test("a replica that has heard of more than the database knows hears all of it again", async () => {
  const owner = await platform.newTenant();
  const charges = [{ key: keyOf(1), amount: "7" }];
  for (const batch of streamOf(makeId("stream"), [makeUsageEvent({ charges })], []))
    await ingestBatch(platform.db, owner, batch, TEST_NOW);
  expect(await beside(owner, makeId("stream"), 900)).toEqual({ version: 1, more: false, spent: charges });
});

test("counters of windows that are long over are forgotten, and those of budgets that never end are not", async () => {
  const owner = await platform.newTenant();
  const total = { key: "budget:bud_x:total:", amount: "1" };
  const month = { key: keyOf(1), amount: "2" };
  const later = { key: keyOf(2), amount: "3" };
  const [first, second] = streamOf(
    makeId("stream"),
    [makeUsageEvent({ charges: [total, month] }), makeUsageEvent({ charges: [later] })],
    [1],
  );
  if (first === undefined || second === undefined) throw new Error("two batches");
  await ingestBatch(platform.db, owner, first, TEST_NOW);
  await ingestBatch(platform.db, owner, second, TEST_NOW + 63 * DAY_MS);
  expect((await beside(owner, makeId("stream"), 0)).spent).toEqual([later, total]);
});

function beside(owner: UsageOwner, stream: ReturnType<typeof makeId<"stream">>, since: number) {
  return withTenant(platform.db, owner.tenantId, (tx) => chargesBeside(tx, stream, since));
}

/** Asks as a data plane does, and keeps what it is told. */
function follow(owner: UsageOwner, stream: ReturnType<typeof makeId<"stream">>) {
  const known = new Map<string, bigint>();
  let version = 0;
  return {
    known,
    /** How many answers it took. */
    async hear(): Promise<number> {
      for (let answers = 1; ; answers += 1) {
        const answer = await beside(owner, stream, version);
        for (const { key, amount } of answer.spent) known.set(key, BigInt(amount));
        version = answer.version;
        if (!answer.more) return answers;
      }
    },
  };
}
