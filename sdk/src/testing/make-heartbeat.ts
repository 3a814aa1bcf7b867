import type { Heartbeat } from "../contract/heartbeat.ts";
import { CONTRACT } from "../contract/versions/contract.ts";
import { makeId, TEST_EPOCH_MS } from "./make-id.ts";

/** The heartbeat of a ready data plane with nothing in flight and nothing left to ship. */
export function makeHeartbeat(overrides: Partial<Heartbeat> = {}): Heartbeat {
  return {
    instance_id: makeId("instance"),
    version: "0.1.0",
    state: "ready",
    applied_revision: 1,
    requests_in_flight: 0,
    streams_open: 0,
    calls: { total: 0, faults: 0 },
    stream_id: makeId("stream"),
    writer_epoch: 1,
    head_seq: 0,
    acked_seq: 0,
    oldest_unacked_at: null,
    totals: {},
    lost_events: 0,
    quarantined_batches: 0,
    budgets_version: 0,
    sent_at: TEST_EPOCH_MS,
    ...overrides,
  };
}

/** As it is sent, in the newest version. */
export function encodeHeartbeat(heartbeat: Heartbeat): object {
  return CONTRACT.heartbeat.write(heartbeat, CONTRACT.version);
}
