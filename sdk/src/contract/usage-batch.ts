/**
 * Usage on its way from a data plane to the ledger. Identity is (stream, seq): dense, ordered, and so provably
 * complete. An event is fixed for its seq for ever; a batch may be cut anew after a refusal.
 *
 * On the wire a batch is gzip NDJSON: one header line, then one line per event. `sha256` covers the event lines
 * exactly as sent (each with its line feed), uncompressed, in lower-case hex.
 */
import { z } from "zod";
import { budgetCharge } from "./budget-charge.ts";
import { integerString } from "./decimal.ts";
import { idOf } from "./ids.ts";
import { usageQuantities } from "./usage-dimensions.ts";

export const USAGE_BATCH_EVENTS_MAX = 500;
export const USAGE_BATCH_BYTES_MAX = 512 * 1024;

/** Labels of an agent that usage is reported by. They are those of the moment of the call. */
export const usageLabels = z.strictObject({
  team: z.string().max(64).optional(),
  cost_center: z.string().max(64).optional(),
  department: z.string().max(64).optional(),
});
export type UsageLabels = z.infer<typeof usageLabels>;

export const CALL_OUTCOMES = [
  "success",
  "upstream_error",
  "upstream_timeout",
  "upstream_unreachable",
  "stream_broken",
  "client_aborted",
  "gateway_crashed",
] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

/** By what the agent was known. */
export const usageCredential = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("api_key"), key_id: idOf("key") }),
]);
export type UsageCredential = z.infer<typeof usageCredential>;

export const modelSubject = z.strictObject({
  kind: z.literal("model"),
  /** Such as `chat_completions`; which there are is up to the data plane's dialects. */
  endpoint: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  stream: z.boolean(),
  route_id: idOf("route"),
  target_id: idOf("target"),
  provider_id: idOf("provider"),
  /** Who is paid for the work, in the words of the price book, such as `openai`. */
  vendor: z.string().min(1).max(64),
  /** The name the agent asked for. */
  model: z.string().min(1).max(128),
  /** The name the provider was asked for; prices are found by it. */
  upstream_model: z.string().min(1).max(128),
});

/** What was called. */
export const usageSubject = z.discriminatedUnion("kind", [modelSubject]);
export type UsageSubject = z.infer<typeof usageSubject>;

/** What is known of an upstream attempt before it is made: a spool keeps it until it knows the rest. */
export const attemptOpened = z.strictObject({
  request_id: idOf("request"),
  attempt_id: idOf("attempt"),
  /** From 1; calls are counted by attempt 1. */
  attempt: z.number().int().min(1).max(16),
  decision_id: idOf("decision"),
  agent_id: idOf("agent"),
  credential: usageCredential,
  labels: usageLabels,
  subject: usageSubject,
  /** Unix milliseconds at which the attempt began, by the data plane's clock. */
  started_at: z.number().int().positive(),
  revision: z.number().int().positive(),
});
export type AttemptOpened = z.infer<typeof attemptOpened>;

/** One upstream attempt. Failover makes several attempts under one request. */
export const usageEvent = attemptOpened.extend({
  seq: z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
  /** `unsettled`: the data plane died during the call, what was used is not known. */
  status: z.enum(["settled", "unsettled"]),
  outcome: z.enum(CALL_OUTCOMES),
  /** The upstream's status; 0 when it never answered. */
  http_status: z.number().int().min(0).max(599),
  duration_ms: z.number().int().nonnegative(),
  /** Until the first content reached us; absent when none did, or the call was not a stream. */
  first_token_ms: z.number().int().nonnegative().optional(),
  usage: usageQuantities,
  /** `reported` by the provider, `estimated` by us, or `none` where nothing was used. */
  accuracy: z.enum(["reported", "estimated", "none"]),
  /** Set when the provider's own figures contradict each other. */
  inconsistent: z.literal(true).optional(),
  /** What else decides the price: the provider's words, kept with the usage. */
  conditions: z.record(z.string().max(32), z.string().max(64)).optional(),
  /** The provider's usage object, as it came, as JSON text. */
  raw_usage: z.string().max(4096).optional(),
  /** What it added to the counters of budgets. The last member where it is there. */
  charges: z.array(budgetCharge).max(1_000).optional(),
});
export type UsageEvent = z.infer<typeof usageEvent>;

export const usageBatchHeader = z.strictObject({
  stream_id: idOf("stream"),
  /** Rises each time a process opens the spool; an older writer is fenced off. */
  writer_epoch: z.number().int().positive(),
  first_seq: z.number().int().positive(),
  last_seq: z.number().int().positive(),
  count: z.number().int().min(1).max(USAGE_BATCH_EVENTS_MAX),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Sum of every dimension since the stream began, this batch included. */
  totals: z.record(z.string().max(48), integerString),
  /** Unix milliseconds by the data plane's clock. */
  sent_at: z.number().int().positive(),
});
export type UsageBatchHeader = z.infer<typeof usageBatchHeader>;

/** The answer to a batch that was applied, or had been before. */
export const usageAck = z.strictObject({ acked_seq: z.number().int().nonnegative() });
export type UsageAck = z.infer<typeof usageAck>;

/** The answer to a batch that does not continue the stream: ship again from `expected_seq`. */
export const usageGap = z.strictObject({
  code: z.literal("usage.gap"),
  expected_seq: z.number().int().positive(),
});
export type UsageGap = z.infer<typeof usageGap>;
