import { makeId } from "@headgate/sdk/testing";
import { afterEach, expect, test } from "vitest";
import { createTrialPool, type TrialPool, type TrialPoolOptions } from "./trial-pool.ts";

/** A thread whose trials behave as their conditions say, as no condition that is accepted does. */
const MISBEHAVING = `
  import { parentPort } from "node:worker_threads";
  const kept = [];
  parentPort.on("message", ({ asked: { condition } }) => {
    while (condition === "loop");
    while (condition === "fill") kept.push(new Array(10_000).fill({}));
    if (condition === "throw") throw new Error("no");
    parentPort.postMessage({ ok: true, warnings: [condition] });
  });
  parentPort.postMessage("ready");
`;
const entryOf = (source: string) => new URL(`data:text/javascript,${encodeURIComponent(source)}`);

const opened: TrialPool[] = [];
afterEach(() => Promise.all(opened.splice(0).map((pool) => pool.close())));

function open(options: TrialPoolOptions = {}): TrialPool {
  const pool = createTrialPool({ entry: entryOf(MISBEHAVING), deadlineMs: 300, ...options });
  opened.push(pool);
  return pool;
}

const check = (pool: TrialPool, tenantId: ReturnType<typeof tenant>, condition: string) =>
  pool.run(tenantId, "check", { condition });
const tenant = () => makeId("tenant");
const answered = (condition: string) => ({ ok: true, warnings: [condition] });

test("a trial that does not end is ended at its deadline, while the loop turns and others are answered", async () => {
  const pool = open();
  const mine = tenant();
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  const endless = check(pool, mine, "loop");
  const other = check(pool, tenant(), "quick");
  await expect(endless).rejects.toMatchObject({
    code: "api.invalid_input",
    parameter: "condition",
    message: expect.stringMatching(/takes too long/),
  });
  clearInterval(turning);
  expect(turns).toBeGreaterThan(1);
  expect(await other).toEqual(answered("quick"));
  // On a thread in the place of the one that was ended.
  expect(await check(pool, mine, "again")).toEqual(answered("again"));
});

test("the trials of one tenant that do not end hold up no other's", async () => {
  const pool = open();
  const [mine, theirs] = [tenant(), tenant()];
  const order: string[] = [];
  const loops = Array.from({ length: 3 }, (_, index) =>
    check(pool, mine, "loop").catch(() => order.push(`mine ${index}`)),
  );
  await check(pool, theirs, "quick").then(() => order.push("theirs"));
  await Promise.all(loops);
  expect(order).toEqual(["theirs", "mine 0", "mine 1", "mine 2"]);
});

test("a trial that fills its memory is ended, and the next is answered", async () => {
  const pool = open({ deadlineMs: 60_000 });
  await expect(check(pool, tenant(), "fill")).rejects.toMatchObject({
    code: "api.invalid_input",
    message: expect.stringMatching(/too much memory/),
  });
  expect(await check(pool, tenant(), "quick")).toEqual(answered("quick"));
});

test("no more than so many wait, of one tenant and of all", async () => {
  const pool = open({ threads: 1, waitingPerTenantMax: 2, waitingMax: 3 });
  const [mine, theirs] = [tenant(), tenant()];
  const settled = [check(pool, mine, "quick"), check(pool, mine, "a"), check(pool, mine, "b")];
  await expect(check(pool, mine, "c")).rejects.toMatchObject({ code: "api.rate_limited" });
  settled.push(check(pool, theirs, "d"));
  await expect(check(pool, theirs, "e")).rejects.toMatchObject({ code: "api.unavailable" });
  expect(await Promise.all(settled)).toEqual(["quick", "a", "b", "d"].map(answered));
});

test.each([
  ["a thread that does not start", "throw new Error('no')"],
  ["a thread that ends", "process.exit(0)"],
  ["a trial that throws", MISBEHAVING],
])("%s is a failure of ours and not of the condition", async (_, source) => {
  const pool = open({ entry: entryOf(source) });
  await expect(check(pool, tenant(), "throw")).rejects.toMatchObject({ code: "api.unavailable" });
});

test("at the end what is under way and what waits is refused", async () => {
  const pool = open({ threads: 1, deadlineMs: 60_000 });
  const asked = [check(pool, tenant(), "loop"), check(pool, tenant(), "quick")];
  const outcomes = Promise.allSettled(asked);
  await pool.close();
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "api.unavailable" } });
  await expect(check(pool, tenant(), "late")).rejects.toMatchObject({ code: "api.unavailable" });
});
