import { makeId, makeUsageBatch, makeUsageEvent } from "@headgate/sdk/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { totalsOf } from "../minutes/roll-up.ts";
import { judgeBatch, type StreamState } from "./judge-batch.ts";

const dataPlaneId = makeId("dataPlane");
const receivedAt = Date.UTC(2026, 0, 2);
const from = { dataPlaneId, receivedAt };
const stream: StreamState = {
  dataPlaneId,
  writerEpoch: 2,
  ackedSeq: 10,
  totals: { input_uncached: "1000", output_text: "200", request: "10" },
};

function verdict(options: Parameters<typeof makeUsageBatch>[0], state: StreamState | undefined = stream) {
  const { header, events } = makeUsageBatch({
    totalsBefore: state?.totals ?? {},
    ...options,
    header: { writer_epoch: 2, ...options?.header },
  });
  return judgeBatch(state, { header, events, totals: totalsOf(events) }, from);
}

test("a batch that begins after the watermark continues the stream; a new stream begins with 1", () => {
  expect(verdict({ firstSeq: 11 })).toEqual({ kind: "continues" });
  expect(judgeNew(1)).toEqual({ kind: "continues" });
  expect(judgeNew(2)).toEqual({ kind: "gap", expectedSeq: 1 });
});

test("what was applied before repeats; a gap or an overlap is told where to go on", () => {
  expect(verdict({ firstSeq: 8 })).toEqual({ kind: "repeats", ackedSeq: 10 });
  expect(verdict({ firstSeq: 9 })).toEqual({ kind: "gap", expectedSeq: 11 });
  expect(verdict({ firstSeq: 12 })).toEqual({ kind: "gap", expectedSeq: 11 });
});

test("an older writer is fenced off, whatever it brings; a newer one is let in", () => {
  for (const firstSeq of [1, 9, 11, 20])
    expect(verdict({ firstSeq, header: { writer_epoch: 1 } })).toEqual({ kind: "fenced" });
  expect(verdict({ firstSeq: 11, header: { writer_epoch: 3 } })).toEqual({ kind: "continues" });
});

test("a stream of another data plane is refused", () => {
  expect(verdict({ firstSeq: 11 }, { ...stream, dataPlaneId: makeId("dataPlane") }).kind).toBe("invalid");
});

test("changing one quantity or one total by any amount is noticed", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("input_uncached", "output_text", "request", "other"),
      fc.integer({ min: 1 }),
      (dimension, by) => {
        const { header, events } = makeUsageBatch({
          firstSeq: 11,
          totalsBefore: stream.totals,
          header: { writer_epoch: 2 },
        });
        const totals = totalsOf(events);
        totals.set(dimension, (totals.get(dimension) ?? 0n) + BigInt(by));
        expect(judgeBatch(stream, { header, events, totals }, from).kind).toBe("invalid");
        const stated = {
          ...header.totals,
          [dimension]: String(BigInt(header.totals[dimension] ?? 0) + BigInt(by)),
        };
        const question = { header: { ...header, totals: stated }, events, totals: totalsOf(events) };
        expect(judgeBatch(stream, question, from).kind).toBe("invalid");
      },
    ),
  );
});

test("a total that is left out counts as zero, and only that", () => {
  expect(verdict({ firstSeq: 11, header: { totals: {} } }).kind).toBe("invalid");
  const nothingUsed = { events: [makeUsageEvent({ usage: {} })], firstSeq: 11 };
  expect(verdict({ ...nothingUsed, header: { totals: { ...stream.totals, tool_call: "0" } } }).kind).toBe(
    "continues",
  );
});

test("events are taken however old they are, and up to a day ahead", () => {
  const at = (started_at: number) => verdict({ firstSeq: 11, events: [makeUsageEvent({ started_at })] }).kind;
  const day = 24 * 3_600_000;
  expect(at(1)).toBe("continues");
  expect(at(receivedAt + day)).toBe("continues");
  expect(at(receivedAt + day + 1)).toBe("invalid");
});

function judgeNew(firstSeq: number) {
  const { header, events } = makeUsageBatch({ firstSeq });
  return judgeBatch(undefined, { header, events, totals: totalsOf(events) }, from);
}
