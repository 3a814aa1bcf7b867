/** What the pipeline works with, for longer than a request. */
import { Registry } from "prom-client";
import type { LocalBudgets } from "../limits/budgets.ts";
import { createExpectedOutput } from "../limits/expected-output.ts";
import { createIdempotencyKeys, type IdempotencyBounds } from "../limits/idempotency-keys.ts";
import { createLimiter } from "../limits/limiter.ts";
import { type Gateway, STAGE_NAMES } from "../pipeline/stage.ts";
import { createPolicyHolder, type PolicyHolder } from "../policy/policy-holder.ts";
import type { Dialect } from "../protocols/llm/dialects/dialect.ts";
import { createLlm } from "../protocols/llm/endpoints.ts";
import { createProtocols } from "../protocols/match.ts";
import { createAuditSink } from "../telemetry/audit-sink.ts";
import { createDecisionLog } from "../telemetry/decision-log.ts";
import { createGatewayMetrics } from "../telemetry/gateway-metrics.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { createBreakers } from "../upstream/breakers.ts";
import { createUpstreamPools } from "../upstream/pools.ts";
import { createRecorder } from "../usage/recorder.ts";
import type { Spool } from "../usage/spool/spool.ts";
import type { Surroundings } from "./surroundings.ts";

const IN_FLIGHT_MAX = 8_192;
const MEBIBYTE = 1024 * 1024;
const IDEMPOTENCY_BOUNDS: IdempotencyBounds = {
  keysMax: 10_000,
  keptMs: 3_600_000,
  answerBytesMax: MEBIBYTE / 4,
  bytesMax: 16 * MEBIBYTE,
};

export interface GatewayOptions extends Surroundings {
  readonly spool: Spool;
  readonly budgets: LocalBudgets;
  /** Among how many limits are shared now. */
  replicas(): number;
  readonly dialects: readonly Dialect[];
  readonly tracing: Tracing;
  readonly authorities: ReadonlySet<string>;
  /** Takes the records of calls, whole lines at a time. */
  writeRecords(lines: string): void;
}

export interface ComposedGateway {
  readonly gateway: Gateway;
  readonly holder: PolicyHolder;
  readonly registry: Registry;
}

export function composeGateway(options: GatewayOptions): ComposedGateway {
  const { clock, random, newId, log, spool, budgets, replicas, tracing, authorities } = options;
  const holder = createPolicyHolder();
  const registry = new Registry();
  const pools = createUpstreamPools();
  holder.subscribe(pools.retain);
  const gateway: Gateway = {
    clock,
    random,
    newId,
    log,
    protocols: createProtocols([createLlm(options.dialects, registry)]),
    policy: holder.current,
    limiter: createLimiter(clock, { replicas }),
    budgets,
    outputs: createExpectedOutput(),
    recorder: createRecorder({
      spool,
      clock,
      onFull: () => holder.current()?.settings.on_spool_full ?? "reject_traffic",
    }),
    pools,
    breakers: createBreakers(),
    idempotency: createIdempotencyKeys(IDEMPOTENCY_BOUNDS),
    audit: createAuditSink(options.writeRecords),
    decisions: createDecisionLog(),
    metrics: createGatewayMetrics(registry, STAGE_NAMES),
    tracing,
    authorities,
    inFlightMax: IN_FLIGHT_MAX,
    load: { inFlight: 0, streamsOpen: 0, bodyBytes: 0, draining: false },
  };
  return { gateway, holder, registry };
}
