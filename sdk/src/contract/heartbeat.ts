/** What a replica of a data plane says of itself every few seconds, and what it is told in return. */
import { z } from "zod";
import { budgetCharge } from "./budget-charge.ts";
import { integerString } from "./decimal.ts";
import { idOf } from "./ids.ts";

export const HEARTBEAT_INTERVAL_MS = 5_000;
/** Counters of budgets in one answer. */
export const BUDGETS_PER_ANSWER_MAX = 500;
/** Above the longest answer. */
export const HEARTBEAT_ANSWER_BYTES_MAX = 4 * 1024 * 1024;

export const heartbeat = z.strictObject({
  /** One process; a restart is another instance of the same replica. */
  instance_id: idOf("instance"),
  version: z.string().max(64),
  /** `stopped` is the last word: the process takes no more calls and ships no more usage. */
  state: z.enum(["starting", "ready", "draining", "stopped"]),
  /** 0 while no snapshot is applied. */
  applied_revision: z.number().int().nonnegative(),
  requests_in_flight: z.number().int().nonnegative(),
  streams_open: z.number().int().nonnegative(),
  /** Since the process began: calls that have ended, and those of them that failed by a fault of the gateway itself. */
  calls: z.strictObject({ total: z.number().int().nonnegative(), faults: z.number().int().nonnegative() }),
  /** The usage stream: head minus acked is what the control plane has not seen. */
  stream_id: idOf("stream"),
  writer_epoch: z.number().int().positive(),
  head_seq: z.number().int().nonnegative(),
  acked_seq: z.number().int().nonnegative(),
  oldest_unacked_at: z.number().int().nonnegative().nullable(),
  totals: z.record(z.string().max(48), integerString),
  /** Calls served of which no record says what they used, and streams that were damaged; must be 0. */
  lost_events: z.number().int().nonnegative(),
  /** Batches the control plane refused for good; must be 0. */
  quarantined_batches: z.number().int().nonnegative(),
  /** Of the ledger's account of budgets, as this process has last heard it; 0 before that. */
  budgets_version: z.number().int().nonnegative(),
  /** Unix milliseconds by the data plane's clock. */
  sent_at: z.number().int().positive(),
});
export type Heartbeat = z.infer<typeof heartbeat>;

export const heartbeatAnswer = z.strictObject({
  latest_revision: z.number().int().nonnegative(),
  server_time: z.number().int().positive(),
  /** Replicas of the data plane that were heard of lately, this one among them: limits are shared between them. */
  live_replicas: z.number().int().positive(),
  /**
   * What the ledger has of budgets from other streams than the heartbeat's, as far as that has changed since the version
   * that the heartbeat states: the whole amount of each counter, so that hearing it twice is no harm.
   */
  budgets: z.strictObject({
    version: z.number().int().nonnegative(),
    /** There are more changes: to be asked for at once. */
    more: z.boolean(),
    spent: z.array(budgetCharge).max(BUDGETS_PER_ANSWER_MAX),
  }),
});
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswer>;
