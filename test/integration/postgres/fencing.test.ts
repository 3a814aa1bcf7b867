/** One spool, one writer: what becomes of two that both believe to be the one. */
import { createTestTenant } from "@headgate/control-plane/testing";
import { makeId, makeUsageEvent, type UsageBatch } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { until } from "../../harness/until.ts";
import { CONTIGUITY, joinedShipper, type Ship, streamOf } from "./data-plane.ts";
import { eventsOf } from "./events-of.ts";
import { atOnce, onConnection, openPlatform, required } from "./platform.ts";

test.for([
  ["an older and a newer", 2],
  ["an old and an equally old", 1],
] as const)(
  "U10: of %s writer with copies of one spool at most one makes progress",
  async ([, otherEpoch]) => {
    await using platform = await openPlatform();
    const tenant = await createTestTenant(platform.server);
    const ship = await joinedShipper(platform, tenant);
    const event = () => makeUsageEvent({ started_at: platform.server.clock.wallMs() });
    const sent = await atOnce(8, async () => {
      const streamId = makeId("stream");
      const shared = [event(), event()];
      const writers = [1, otherEpoch].map((writerEpoch) =>
        streamOf(streamId, [...shared, ...Array.from({ length: 8 }, event)], { size: 2, writerEpoch }),
      );
      const accepted = await Promise.all(writers.map((batches) => shipUntilRefused(ship, batches)));
      return { streamId, accepted, shared: shared.map(({ request_id }) => request_id) };
    });

    const events = await eventsOf(platform, tenant.id);
    for (const { streamId, accepted, shared } of sent) {
      const kept = events.filter((found) => found.stream_id === streamId).map(({ request_id }) => request_id);
      const further = accepted.map((ids) => ids.slice(shared.length));
      expect(further.filter((ids) => ids.length > 0).length).toBeLessThanOrEqual(1);
      expect(kept).toEqual([...shared, ...further.flat()]);
    }
    expect(sent.some(({ accepted }) => accepted.some((ids) => ids.length === 10))).toBe(true);
    expect(await platform.database.query(CONTIGUITY)).toEqual([]);
  },
);

test("U10: after a newer writer was heard, an older one adds nothing, in whatever order its batches come", async () => {
  await using platform = await openPlatform();
  const tenant = await createTestTenant(platform.server);
  const ship = await joinedShipper(platform, tenant);
  const streamId = makeId("stream");
  const events = Array.from({ length: 12 }, () =>
    makeUsageEvent({ started_at: platform.server.clock.wallMs() }),
  );
  const [first, ...rest] = streamOf(streamId, events, { size: 2 });
  const [again] = streamOf(streamId, events, { size: 2, writerEpoch: 2 });
  expect((await ship(required(first))).status).toBe(200);
  expect((await ship(required(again))).status).toBe(200);
  const answers = await Promise.all(rest.map(ship));
  expect(answers.map(({ body }) => body)).toEqual(
    rest.map(() => ({ error: expect.objectContaining({ code: "usage.fenced" }) })),
  );
  expect(await eventsOf(platform, tenant.id)).toHaveLength(2);
});

test("U10: a writer whose batch was already on its way in when the newer one was heard is fenced all the same", async () => {
  await using platform = await openPlatform();
  const tenant = await createTestTenant(platform.server);
  const ship = await joinedShipper(platform, tenant);
  const streamId = makeId("stream");
  const events = Array.from({ length: 4 }, () =>
    makeUsageEvent({ started_at: platform.server.clock.wallMs() }),
  );
  const [first, second] = streamOf(streamId, events, { size: 2 });
  const [again] = streamOf(streamId, events, { size: 2, writerEpoch: 2 });
  await ship(required(first));
  const answers = await onConnection(platform.database.superuserUrl, async (query) => {
    const waiting = (count: number) =>
      until(
        { what: `${count} wait for the row` },
        async () => (await platform.database.query(LOCK_WAITERS)).length === count,
      );
    // Both are past their first look at the stream and queue for its row, the newer one ahead.
    await query("BEGIN");
    await query("SELECT 1 FROM usage_streams FOR UPDATE");
    const newer = ship(required(again));
    await waiting(1);
    const older = ship(required(second));
    await waiting(2);
    await query("ROLLBACK");
    return Promise.all([newer, older]);
  });
  expect(answers).toMatchObject([
    { status: 200, body: { acked_seq: 2 } },
    { status: 409, body: { error: { code: "usage.fenced" } } },
  ]);
  expect(await eventsOf(platform, tenant.id)).toHaveLength(2);
});

const LOCK_WAITERS =
  "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/** Ships until the first refusal, as a writer must. Gives the requests that were acknowledged. */
async function shipUntilRefused(ship: Ship, batches: readonly UsageBatch[]): Promise<string[]> {
  const accepted: string[] = [];
  for (const batch of batches) {
    if ((await ship(batch)).status !== 200) break;
    accepted.push(...batch.events.map(({ request_id }) => request_id));
  }
  return accepted;
}
