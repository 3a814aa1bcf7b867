import { makeUsageEvent } from "@headgate/sdk/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MINUTE_MS, minuteKey, type RollUp, rollUp, totalsOf } from "./roll-up.ts";

const START = Date.UTC(2026, 10, 1);
const base = makeUsageEvent();

const event = fc
  .record({
    minute: fc.integer({ min: 0, max: 2 }),
    attempt: fc.integer({ min: 1, max: 2 }),
    status: fc.constantFrom("settled" as const, "unsettled" as const),
    accuracy: fc.constantFrom("reported" as const, "estimated" as const),
    team: fc.constantFrom("a", "b", undefined),
    usage: fc.dictionary(
      fc.constantFrom("input_uncached", "output_text", "constructor", "new_kind"),
      fc.nat(1_000),
      {
        noNullPrototype: true,
      },
    ),
  })
  .map(({ minute, team, ...rest }) => ({
    ...base,
    ...rest,
    labels: team === undefined ? {} : { team },
    started_at: START + minute * MINUTE_MS + 7,
  }));

test("calls are first attempts, attempts are all, and unsettled usage is counted but not added", () => {
  const usage = { input_uncached: 10, request: 1 };
  const { quantities, calls } = rollUp([
    { ...base, usage },
    { ...base, attempt: 2, accuracy: "estimated", usage },
    { ...base, status: "unsettled", accuracy: "none", usage },
  ]);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({ calls: 2, attempts: 3, unsettled: 1, estimated: 1 });
  expect(quantities.map(({ dimension, quantity }) => [dimension, quantity])).toEqual([
    ["input_uncached", 20n],
    ["request", 2n],
  ]);
});

test("an attempt belongs to the minute in which it began", () => {
  const minutes = rollUp([
    { ...base, started_at: START + MINUTE_MS - 1 },
    { ...base, started_at: START + MINUTE_MS },
  ]).calls.map(({ minute }) => minute);
  expect(minutes).toEqual([START, START + MINUTE_MS]);
});

test("an absent label is told from none only by being empty", () => {
  expect(rollUp([{ ...base, labels: {} }]).calls[0]).toMatchObject({
    team: "",
    cost_center: "",
    department: "",
  });
});

test("however events are cut into batches, the minutes add up to the same", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), fc.nat(30), (events, cut) => {
      const parts = sumOf([rollUp(events.slice(0, cut)), rollUp(events.slice(cut))]);
      expect(parts).toEqual(sumOf([rollUp(events)]));
    }),
  );
});

test("the rows of a roll-up come in one order, whatever the order of its events", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), (events) => {
      expect(rollUp(events.toReversed())).toEqual(rollUp(events));
    }),
  );
});

test("totals count every event, settled or not", () => {
  const usage = { input_uncached: 5 };
  expect(totalsOf([{ usage }, { usage }].map((part) => ({ ...base, ...part })))).toEqual(
    new Map([["input_uncached", 10n]]),
  );
  expect(totalsOf([{ ...base, status: "unsettled", usage }])).toEqual(new Map([["input_uncached", 5n]]));
});

function sumOf(parts: RollUp[]): Map<string, bigint[]> {
  const sums = new Map<string, bigint[]>();
  for (const row of parts.flatMap(({ quantities, calls }) => [...quantities, ...calls])) {
    const values =
      "quantity" in row
        ? [row.quantity]
        : [row.calls, row.attempts, row.unsettled, row.estimated].map((count) => BigInt(count));
    const before = sums.get(minuteKey(row)) ?? values.map(() => 0n);
    sums.set(
      minuteKey(row),
      values.map((value, index) => value + (before[index] ?? 0n)),
    );
  }
  return sums;
}
