import { makeId } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { desiredDigest } from "./desired-digest.ts";
import { nextForLeaving, nextForLiving, type Situation, type StackRow } from "./next-operation.ts";

const NOW = 1_000_000_000;
const A = desiredDigest({ own: { plan: "team" }, shared: { region: "eu", generation: 1 } });
const A2 = desiredDigest({ own: { plan: "team" }, shared: { region: "eu", generation: 2 } });
const B = desiredDigest({ own: { plan: "starter" }, shared: { region: "eu", generation: 1 } });

const stack = (set: Partial<StackRow> = {}): StackRow => ({
  tenant_id: makeId("tenant"),
  data_plane_id: makeId("dataPlane"),
  name: "hg-01",
  lease_holder: null,
  lease_until: null,
  fencing_token: 0,
  applied_digest: A,
  failed_digest: null,
  applied_at: NOW - 1_000,
  outputs: null,
  interrupted: false,
  failures: 0,
  retry_at: 0,
  drift_checked_at: null,
  drift: null,
  drained_at: null,
  destroyed_at: null,
  ...set,
});

const ASKED = makeId("operation");
/** How long it waits is told in the tests of failures. */
const FAILED = { error_class: "quota", ended_at: NOW } as const;

const next = (row: Partial<StackRow>, more: Partial<Situation> = {}) =>
  nextForLiving({
    stack: stack(row),
    last: undefined,
    now: NOW,
    digest: A,
    asked: undefined,
    sharedChangedAt: 0,
    timing: { driftMs: 60_000, repairsDrift: true, spreadMs: 100_000 },
    ...more,
  });

test("nothing is done where all is as wanted, or where nobody can say what is wanted", () => {
  expect(next({})).toBeUndefined();
  expect(next({ applied_digest: null }, { digest: null })).toBeUndefined();
});

test.each<[string, Partial<StackRow>, Partial<Situation>, object]>([
  [
    "what was never there is made",
    { applied_digest: null },
    {},
    { mode: "up", reason: "created", refresh: false },
  ],
  [
    "what is wanted otherwise is changed",
    { applied_digest: B },
    {},
    { mode: "up", reason: "changed", refresh: false },
  ],
  [
    "what failed half-way is taken back, though what is wanted again was there before",
    { failed_digest: B, failures: 3 },
    { last: FAILED },
    { mode: "up", reason: "changed" },
  ],
  ["what was cut off is taken up", { interrupted: true }, {}, { mode: "up", reason: "recovery" }],
  [
    "drift is repaired with a look at what is there",
    { drift: [{ resource: "x", change: "update" }] },
    {},
    { mode: "up", reason: "drift", refresh: true },
  ],
  ["drift is looked for after a while", { applied_at: NOW - 80_000 }, {}, { mode: "drift", reason: "swept" }],
  [
    "what somebody asked for comes first",
    { interrupted: true },
    { asked: { id: ASKED, kind: "preview" } },
    { mode: "preview", askedBy: ASKED },
  ],
  [
    "it is also run where nothing is to be done",
    {},
    { asked: { id: ASKED, kind: "up" } },
    { mode: "up", askedBy: ASKED },
  ],
])("%s", (_, row, more, expected) => {
  expect(next(row, more)).toMatchObject(expected);
});

test("what failed waits, but anything else is tried at once, and so is what somebody asks for", () => {
  const failed = { applied_digest: null, failures: 2, failed_digest: A };
  expect(next(failed, { last: FAILED })).toBeUndefined();
  expect(next(failed, { last: FAILED, now: NOW + 100_000 })).toMatchObject({ mode: "up" });
  expect(next(failed, { last: FAILED, digest: B })).toMatchObject({ mode: "up" });
  expect(next(failed, { last: FAILED, asked: { id: ASKED, kind: "up" } })).toMatchObject({ mode: "up" });
});

test("drift that is not to be repaired stays told, and looking goes on", () => {
  const timing = { driftMs: 60_000, repairsDrift: false, spreadMs: 0 };
  const drifted = { drift: [{ resource: "x", change: "update" }] };
  expect(next(drifted, { timing })).toBeUndefined();
  expect(next({ ...drifted, applied_at: NOW - 100_000 }, { timing })).toMatchObject({ mode: "drift" });
  expect(next({ applied_at: 0 }, { timing: { ...timing, driftMs: 0 } })).toBeUndefined();
});

test("a change of the region is followed by each at its own moment within the spread, and by all after it", () => {
  const at = (now: number) =>
    Array.from({ length: 200 }, () =>
      next(
        { data_plane_id: makeId("dataPlane"), tenant_id: makeId("tenant") },
        { digest: A2, now, sharedChangedAt: NOW },
      ),
    ).filter((found) => found !== undefined).length;
  expect(at(NOW)).toBeLessThan(20);
  const half = at(NOW + 50_000);
  expect(half).toBeGreaterThan(50);
  expect(half).toBeLessThan(150);
  expect(at(NOW + 100_000)).toBe(200);
});

test("one that is to go is drained, waits for its usage, and is then removed", () => {
  const leave = (row: Partial<StackRow>, usageIsIn: boolean, now = NOW) =>
    nextForLeaving({ stack: stack(row), last: FAILED, now }, { usageIsIn })?.mode;
  expect(leave({}, true)).toBe("drain");
  expect(leave({ drained_at: NOW }, false)).toBeUndefined();
  expect(leave({ drained_at: NOW }, true)).toBe("destroy");
  expect(leave({ drained_at: NOW }, false, NOW + 10_000)).toBe("destroy");
  expect(leave({ destroyed_at: NOW }, true)).toBeUndefined();
  expect(leave({ failures: 1 }, true)).toBeUndefined();
});
