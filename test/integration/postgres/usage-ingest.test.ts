/** Promise 2, nothing lost and nothing counted twice, where transactions really run side by side. */
import type { Database } from "@headgate/control-plane";
import { createTestTenant } from "@headgate/control-plane/testing";
import type { UsageEvent } from "@headgate/sdk/contract";
import { makeId, makeUsageEvent, type UsageBatch } from "@headgate/sdk/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CONTIGUITY, joinedShipper, type Ship, streamOf } from "./data-plane.ts";
import { eventsOf } from "./events-of.ts";
import { atOnce, onConnection, openPlatform, type Platform, required } from "./platform.ts";

const MINUTE_MS = 60_000;
const agents = [makeId("agent"), makeId("agent")];
const template = makeUsageEvent();

/** Few agents, teams and minutes, so that streams meet in the same rows. */
const eventMaker = fc.record({
  agent: fc.nat(1),
  team: fc.constantFrom("search", "support"),
  minutesAgo: fc.nat(2),
  settled: fc.boolean(),
  tokens: fc.nat(1_000),
});
const history = fc.array(fc.array(eventMaker, { minLength: 10, maxLength: 30 }), {
  minLength: 2,
  maxLength: 3,
});

test("U2: a batch delivered four times at once, with transactions rolled back and answers lost, counts once", async () => {
  const endings = fc.array(fc.constantFrom<Ending>("well", "rolled back", "answer lost"), { maxLength: 20 });
  let ending: () => Ending = () => "well";
  await using platform = await openPlatform({ wrap: (db) => unreliable(db, () => ending()) });
  await fc.assert(
    fc.asyncProperty(history, endings, fc.integer({ min: 1, max: 5 }), async (made, more, size) => {
      ending = () => "well";
      const [shaken, calm] = await atOnce(2, () => createTestTenant(platform.server));
      const [toShaken, toCalm] = [
        await joinedShipper(platform, required(shaken)),
        await joinedShipper(platform, required(calm)),
      ];
      const streams = made.map((events) =>
        streamOf(makeId("stream"), events.map(eventAt(platform)), { size }),
      );
      for (const stream of streams) expect(await deliver(toCalm, stream)).toEqual([]);

      let count = 0;
      const order: Ending[] = ["well", "rolled back", "answer lost", ...more];
      ending = () => order[count++ % order.length] ?? "well";
      const inOrder = [...streams, ...streams].map((stream) => deliver(toShaken, stream));
      const inAnyOrder = streams.flat().flatMap((batch) => [toShaken(batch), toShaken(batch)]);
      // Who ships in order and repeats what failed is never refused; who does not is told where to go on.
      expect((await Promise.all(inOrder)).flat()).toEqual([]);
      for (const { status, body } of await Promise.all(inAnyOrder))
        if (status < 500) expect([200, "usage.gap"]).toContain(status === 200 ? 200 : body["code"]);
      ending = () => "well";

      expect(await accountOf(platform, required(shaken).id)).toEqual(
        await accountOf(platform, required(calm).id),
      );
      expect(await platform.database.query(CONTIGUITY)).toEqual([]);
      const total = await totalOf(platform, required(shaken).id);
      const events = streams.flat().flatMap((batch) => batch.events);
      expect(total.attempts).toBe(events.length);
      expect(BigInt(total.quantities["input_uncached"] ?? 0)).toBe(settledTokens(events));
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

test("U3: at every moment the applied events of a stream are exactly those from 1 to its watermark", async () => {
  await using platform = await openPlatform();
  const ship = await joinedShipper(platform, await createTestTenant(platform.server));
  const streams = Array.from({ length: 4 }, () =>
    streamOf(
      makeId("stream"),
      Array.from({ length: 40 }, () => makeUsageEvent({ started_at: platform.server.clock.wallMs() })),
      { size: 3 },
    ),
  );
  await onConnection(platform.database.superuserUrl, async (query) => {
    let shipping = true;
    const watch = async () => {
      for (let looks = 0; shipping || looks === 0; looks += 1) expect(await query(CONTIGUITY)).toEqual([]);
    };
    const shipAll = Promise.all(
      streams.flatMap((stream) => [
        deliver(ship, stream),
        ...stream.toReversed().map(async (batch) => expect([200, 409]).toContain((await ship(batch)).status)),
      ]),
    ).finally(() => {
      shipping = false;
    });
    await Promise.all([shipAll, watch()]);
    const [row] = await query(
      "SELECT count(*)::int AS streams, sum(acked_seq)::int AS seqs FROM usage_streams",
    );
    expect(row).toEqual({ streams: 4, seqs: 160 });

    // The statement finds a missing batch, or the above would prove nothing.
    await query("BEGIN");
    await query("SET LOCAL session_replication_role = replica");
    await query("DELETE FROM usage_batches WHERE first_seq = 4");
    expect(await query(CONTIGUITY)).toHaveLength(4 * 3);
    await query("ROLLBACK");
  });
});

type Ending = "well" | "rolled back" | "answer lost";

/** A database whose transactions may be undone at the very end, or lose their answer after the commit. */
function unreliable(db: Database, ending: () => Ending): Database {
  const transaction: Database["transaction"] = async (run, config) => {
    const ends = ending();
    const result = await db.transaction(async (tx) => {
      const value = await run(tx);
      if (ends === "rolled back") throw new Error("cut off before the commit");
      return value;
    }, config);
    if (ends === "answer lost") throw new Error("cut off after the commit");
    return result;
  };
  return new Proxy(db, {
    get: (target, name) => (name === "transaction" ? transaction : Reflect.get(target, name, target)),
  });
}

/** Ships a stream in order and repeats what failed, as a data plane does. Gives the answers that it cannot handle. */
async function deliver(ship: Ship, batches: readonly UsageBatch[]) {
  const refusals: unknown[] = [];
  for (const batch of batches) {
    let answer = await ship(batch);
    while (answer.status >= 500) answer = await ship(batch);
    if (answer.status !== 200) refusals.push(answer);
  }
  return refusals;
}

function eventAt({ server }: Platform) {
  return (made: {
    agent: number;
    team: string;
    minutesAgo: number;
    settled: boolean;
    tokens: number;
  }): UsageEvent => ({
    ...template,
    request_id: makeId("request"),
    agent_id: agents[made.agent] ?? template.agent_id,
    labels: { team: made.team },
    started_at: server.clock.wallMs() - made.minutesAgo * MINUTE_MS,
    status: made.settled ? "settled" : "unsettled",
    usage: { input_uncached: made.tokens, request: 1 },
  });
}

function settledTokens(events: readonly UsageEvent[]): bigint {
  return events.reduce(
    (sum, { status, usage }) => (status === "settled" ? sum + BigInt(usage["input_uncached"] ?? 0) : sum),
    0n,
  );
}

interface UsageRow {
  readonly attempts: number;
  readonly quantities: Readonly<Record<string, string>>;
}

/** All that the API says of a tenant's usage. */
async function accountOf(platform: Platform, tenantId: string) {
  const { server } = platform;
  const minute = Math.floor(server.clock.wallMs() / MINUTE_MS) * MINUTE_MS;
  const query = { from: minute - 60 * MINUTE_MS, to: minute + MINUTE_MS, group_by: ["agent", "team"] };
  const minutes = await server.ok<{ items: UsageRow[] }>(
    "usage.query",
    { ...query, granularity: "minute" },
    platform.operator(tenantId),
  );
  return { minutes, events: await eventsOf(platform, tenantId) };
}

async function totalOf(platform: Platform, tenantId: string): Promise<UsageRow> {
  const minute = Math.floor(platform.server.clock.wallMs() / MINUTE_MS) * MINUTE_MS;
  const { items } = await platform.server.ok<{ items: UsageRow[] }>(
    "usage.query",
    { from: minute - 60 * MINUTE_MS, to: minute + MINUTE_MS, group_by: [], granularity: "none" },
    platform.operator(tenantId),
  );
  return required(items[0]);
}
