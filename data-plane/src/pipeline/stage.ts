/** What a stage is, and what all stages share. */

import type { Clock } from "../lib/clock.ts";
import type { NewId } from "../lib/ids.ts";
import type { Logger } from "../lib/logger.ts";
import type { Budgets, Limiter } from "../limits/admission.ts";
import type { OutputEstimator } from "../limits/expected-output.ts";
import type { IdempotencyKeys } from "../limits/idempotency-keys.ts";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";
import type { Refusal } from "../policy/refusal.ts";
import type { Protocols } from "../protocols/match.ts";
import type { AuditSink } from "../telemetry/audit-sink.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import type { GatewayMetrics } from "../telemetry/gateway-metrics.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Breakers } from "../upstream/breakers.ts";
import type { UpstreamPools } from "../upstream/pools.ts";
import type { UsageRecorder } from "../usage/usage-recorder.ts";
import type { Exchange } from "./exchange.ts";

export const STAGE_NAMES = [
  "frame",
  "accept",
  "identify",
  "read",
  "deduplicate",
  "authorise",
  "limit",
  "reserve",
  "route",
  "forward",
  "settle",
  "reply",
  "record",
] as const;
export type StageName = (typeof STAGE_NAMES)[number];

/** Undefined goes on to the next stage; a refusal ends the admission. */
export type StageVerdict = Refusal | undefined;

export interface Stage {
  readonly name: StageName;
  /** It runs on every way out, also after a refusal, an answer or a failure. */
  readonly always?: true;
  run(exchange: Exchange, gateway: Gateway): StageVerdict | Promise<StageVerdict>;
}

/** Everything that lives longer than a request. */
export interface Gateway {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  readonly newId: NewId;
  readonly log: Logger;
  readonly protocols: Protocols;
  policy(): CompiledPolicy | undefined;
  readonly limiter: Limiter;
  readonly budgets: Budgets;
  readonly outputs: OutputEstimator;
  readonly recorder: UsageRecorder;
  readonly pools: UpstreamPools;
  readonly breakers: Breakers;
  readonly idempotency: IdempotencyKeys;
  readonly audit: AuditSink;
  readonly decisions: DecisionLog;
  readonly metrics: GatewayMetrics<StageName>;
  readonly tracing: Tracing;
  /** The values of `Host` that are served; empty means any. */
  readonly authorities: ReadonlySet<string>;
  /** Calls at once beyond which new ones are refused. */
  readonly inFlightMax: number;
  readonly load: GatewayLoad;
}

/** What is being served now. */
export interface GatewayLoad {
  /** Calls that are not answered to their last byte. */
  inFlight: number;
  streamsOpen: number;
  /** Memory that request bodies take, in bytes. */
  bodyBytes: number;
  draining: boolean;
}
