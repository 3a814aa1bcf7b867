import { makeHeartbeat, makeId } from "@headgate/sdk/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SILENCE_MS, usageLeft } from "../status.ts";
import { isLive, isOver, isSettled, LATE_USAGE_MS, type Replica, summaryOf, usageLeftOf } from "./summary.ts";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

function replica(overrides: Partial<Replica> = {}): Replica {
  return {
    tenant_id: makeId("tenant"),
    id: makeId("replica"),
    data_plane_id: makeId("dataPlane"),
    signing_key: { kty: "OKP", crv: "Ed25519", x: "a" },
    encryption_key: { kty: "OKP", crv: "X25519", x: "a" },
    pod: { name: "data-plane-1", uid: "u1" },
    version: "0.1.0",
    contract_version: 1,
    joined_at: NOW - 100 * 24 * 60 * MINUTE,
    applied_revision: 1,
    last_ack: null,
    last_heartbeat: makeHeartbeat(),
    last_heartbeat_at: NOW,
    shippedSeq: 0,
    ...overrides,
  };
}

const reasonOf = (replicas: readonly Replica[], type: string) => {
  const found = summaryOf(replicas, NOW).verdicts.find((verdict) => verdict.type === type);
  return found && [found.status, found.reason];
};

test("a replica lives while it is heard of and has not said that it stopped; a join is a first word", () => {
  expect(isLive(replica({ last_heartbeat_at: NOW - SILENCE_MS }), NOW)).toBe(true);
  expect(isLive(replica({ last_heartbeat_at: NOW - SILENCE_MS - 1 }), NOW)).toBe(false);
  expect(isLive(replica({ last_heartbeat: makeHeartbeat({ state: "draining" }) }), NOW)).toBe(true);
  expect(isLive(replica({ last_heartbeat: makeHeartbeat({ state: "stopped" }) }), NOW)).toBe(false);
  expect(isLive(replica({ joined_at: NOW, last_heartbeat: null, last_heartbeat_at: null }), NOW)).toBe(true);
});

test("the revision is the lowest by which calls are judged: silent and starting replicas do not count", () => {
  const silent = replica({ applied_revision: 2, last_heartbeat_at: NOW - SILENCE_MS - 1 });
  const starting = replica({ applied_revision: 0 });
  const [old, current] = [replica({ applied_revision: 6 }), replica({ applied_revision: 7 })];
  expect(summaryOf([silent, starting, current, old], NOW).appliedRevision).toBe(6);
  expect(summaryOf([starting, silent], NOW).appliedRevision).toBe(0);
  expect(summaryOf([silent], NOW).appliedRevision).toBeUndefined();
});

test("one live replica that refused its revision is enough to be not configured", () => {
  const instance_id = makeId("instance");
  const good = replica({ last_ack: { ok: true, revision: 2, instance_id } });
  const bad = replica({ last_ack: { ok: false, revision: 3, instance_id, errors: ["no"] } });
  expect(reasonOf([good, bad], "Configured")).toEqual(["false", "SnapshotRefused"]);
  expect(reasonOf([good, { ...bad, last_heartbeat_at: 0 }], "Configured")).toEqual([
    "true",
    "SnapshotApplied",
  ]);
  expect(reasonOf([replica()], "Configured")).toBeUndefined();
});

test("what cannot be read of a last word may be missed: it is neither settled nor drained, as silence from the first is", () => {
  const unread = replica({ last_heartbeat: null });
  const silent = replica({ last_heartbeat: null, last_heartbeat_at: null });
  expect([isSettled(unread), isSettled(silent)]).toEqual([false, true]);
  expect([usageLeft(unread), usageLeft(silent)]).toEqual([undefined, 0]);
});

test("usage is accepted while none of any replica is refused, unrecorded or lost", () => {
  const gone = { last_heartbeat_at: NOW - LATE_USAGE_MS - 1 };
  const left = makeHeartbeat({ head_seq: 9, acked_seq: 4 });
  expect(reasonOf([replica()], "UsageAccepted")).toEqual(["true", "NothingRefused"]);
  const refused = replica({ last_heartbeat: makeHeartbeat({ quarantined_batches: 1 }) });
  expect(reasonOf([replica(), refused], "UsageAccepted")).toEqual(["false", "BatchRefused"]);
  const unrecorded = replica({ last_heartbeat: makeHeartbeat({ lost_events: 2 }) });
  expect(reasonOf([replica(), unrecorded], "UsageAccepted")).toEqual(["false", "EventsLost"]);
  const lost = replica({ ...gone, last_heartbeat: left });
  expect(reasonOf([replica(), lost], "UsageAccepted")).toEqual(["false", "ReplicaLost"]);
  expect(summaryOf([lost], NOW).verdicts.at(-1)?.message).toContain("5 events");
  expect(reasonOf([replica(), { ...lost, shippedSeq: 9 }], "UsageAccepted")).toEqual([
    "true",
    "NothingRefused",
  ]);
  expect(reasonOf([{ ...lost, last_heartbeat_at: NOW - MINUTE }], "UsageAccepted")).toEqual([
    "true",
    "NothingRefused",
  ]);
});

test("usage that another replica has shipped is not left, whatever the one that recorded it said last", () => {
  const last_heartbeat = makeHeartbeat({ head_seq: 9, acked_seq: 4 });
  expect(usageLeftOf({ last_heartbeat, shippedSeq: 0 })).toBe(5);
  expect(usageLeftOf({ last_heartbeat, shippedSeq: 7 })).toBe(2);
  expect(usageLeftOf({ last_heartbeat, shippedSeq: 12 })).toBe(0);
  expect(usageLeftOf({ last_heartbeat: null, shippedSeq: 3 })).toBe(0);
});

test.each([
  ["stopped with all acknowledged", { state: "stopped", head_seq: 9, acked_seq: 9 }, 0, true],
  ["stopped with usage left", { state: "stopped", head_seq: 9, acked_seq: 7 }, 0, false],
  ["silent for less than ten minutes", {}, 9 * MINUTE, false],
  ["silent for longer", {}, 11 * MINUTE, true],
  ["silent for long with usage left", { head_seq: 9, acked_seq: 7 }, 2 * LATE_USAGE_MS, false],
  ["silent for two days with usage left", { head_seq: 9, acked_seq: 7 }, 2 * LATE_USAGE_MS + 1, true],
  ["stopped after it had lost a call", { state: "stopped", lost_events: 1 }, 11 * MINUTE, false],
] as const)("a replica on a cluster that is %s: over %o after %i ms is %s", (_, beat, silentMs, over) => {
  const gone = replica({ last_heartbeat: makeHeartbeat(beat), last_heartbeat_at: NOW - silentMs });
  expect(isOver(gone, NOW)).toBe(over);
  expect(isOver({ ...gone, pod: null }, NOW)).toBe(false);
});

test("what the data plane says is the sum of what its replicas say, and of one replica its own word", () => {
  const spoken = replica({
    last_heartbeat: makeHeartbeat({ head_seq: 3, acked_seq: 1, totals: { request: "3" } }),
  });
  expect(summaryOf([spoken], NOW).heartbeat).toEqual(spoken.last_heartbeat);
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          head: fc.nat(50),
          acked: fc.nat(50),
          shipped: fc.nat(50),
          silent: fc.boolean(),
          open: fc.nat(9),
        }),
        { minLength: 1, maxLength: 8 },
      ),
      (all) => {
        const replicas = all.map(({ head, acked, shipped, silent, open }) =>
          replica({
            last_heartbeat: makeHeartbeat({
              head_seq: head,
              acked_seq: Math.min(acked, head),
              streams_open: open,
              totals: { request: String(head) },
            }),
            last_heartbeat_at: silent ? NOW - MINUTE : NOW,
            shippedSeq: shipped,
          }),
        );
        const { heartbeat } = summaryOf(replicas, NOW);
        const left = replicas.reduce((sum, one) => sum + usageLeftOf(one), 0);
        const heads = all.reduce((sum, { head }) => sum + head, 0);
        const open = all.reduce((sum, one) => sum + (one.silent ? 0 : one.open), 0);
        expect(heartbeat).toMatchObject({
          head_seq: heads,
          streams_open: open,
          totals: { request: String(heads) },
        });
        expect((heartbeat?.head_seq ?? 0) - (heartbeat?.acked_seq ?? 0)).toBe(left);
      },
    ),
  );
});
