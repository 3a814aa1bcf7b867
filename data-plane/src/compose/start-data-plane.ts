/** Puts the parts of a data plane together and runs them. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DATA_PLANE_API, HEARTBEAT_SCHEMA, type Heartbeat } from "@headgate/sdk/contract";
import { Registry } from "prom-client";
import type { Config } from "../config.ts";
import { startControlLink } from "../control-link/start-control-link.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { createIds } from "../lib/ids.ts";
import { createLogger } from "../lib/logger.ts";
import { createBudgets } from "../limits/budgets.ts";
import { createExpectedOutput } from "../limits/expected-output.ts";
import { createIdempotencyKeys } from "../limits/idempotency-keys.ts";
import { createLimiter } from "../limits/limiter.ts";
import { type Gateway, STAGE_NAMES } from "../pipeline/stage.ts";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";
import { createPolicyHolder } from "../policy/policy-holder.ts";
import type { Dialect } from "../protocols/llm/dialects/dialect.ts";
import { DIALECTS } from "../protocols/llm/dialects/dialects.ts";
import { createLlm } from "../protocols/llm/endpoints.ts";
import { createProtocols } from "../protocols/match.ts";
import { buildAdminServer } from "../server/admin-server.ts";
import { drainable } from "../server/drain-server.ts";
import { buildServer } from "../server/server.ts";
import { CLAIM_TIMING, type ClaimTiming } from "../storage/claim-timing.ts";
import type { ClaimDeps } from "../storage/hold-claim.ts";
import { ownStateDirectory, takeStateDirectory } from "../storage/open-state-directory.ts";
import { recoverOrphans } from "../storage/recover-orphans.ts";
import { createAuditSink } from "../telemetry/audit-sink.ts";
import { createGatewayMetrics } from "../telemetry/gateway-metrics.ts";
import { registerReplicaMetrics } from "../telemetry/replica-metrics.ts";
import { startTracing } from "../telemetry/start-tracing.ts";
import { registerStateMetrics } from "../telemetry/state-metrics.ts";
import { createBreakers } from "../upstream/breakers.ts";
import { createUpstreamPools } from "../upstream/pools.ts";
import { createRecorder } from "../usage/recorder.ts";
import { createReporter, type SendBatch } from "../usage/report/reporter.ts";
import { openSpool } from "../usage/spool/spool.ts";
import { usageState } from "../usage/usage-state.ts";
import { VERSION } from "../version.ts";

const IN_FLIGHT_MAX = 8_192;
const IDEMPOTENCY_KEYS_MAX = 10_000;
/** How much longer than the drain the last usage may take to be acknowledged. */
const FLUSH_MS = 10_000;

export interface DataPlane {
  readonly url: string;
  readonly adminUrl: string;
  /** Resolves when another process has taken over what this one keeps: it can record nothing more, and must end. */
  readonly lost: Promise<void>;
  /**
   * Drains: not ready at once, new connections for a while yet, calls in flight to their end or to the deadline, usage
   * until it is acknowledged or for ten seconds, and the last word.
   */
  stop(): Promise<void>;
}

/** Where text goes: records of calls and lifecycle events to `out`, the log to `log`. */
export interface DataPlaneOutput {
  out(text: string): unknown;
  log(text: string): unknown;
}

/** What tests set otherwise. */
interface DataPlaneTuning {
  readonly clock?: Clock;
  /** How long an agent may take nothing of the end of its answer. */
  readonly replyIdleMs?: number;
  readonly claimTiming?: ClaimTiming;
  readonly dialects?: readonly Dialect[];
}

/** Resolves when the listeners are open. Rejects when the state directory or a port cannot be used. */
export async function startDataPlane(
  config: Config,
  output: DataPlaneOutput,
  { clock = systemClock, replyIdleMs, claimTiming = CLAIM_TIMING, dialects = DIALECTS }: DataPlaneTuning = {},
): Promise<DataPlane> {
  const log = createLogger((line) => output.log(line), clock.wallMs);
  const newId = createIds(clock.wallMs);
  const random = Math.random;
  const registry = new Registry();
  const holder = createPolicyHolder();
  let liveReplicas = 1;
  const replicas = (): number => liveReplicas;
  const budgets = createBudgets(clock, replicas);
  const breakers = createBreakers();
  const pools = createUpstreamPools();
  const load = { inFlight: 0, streamsOpen: 0, bodyBytes: 0, draining: false };
  const { tracing, stop: stopTracing } = await startTracing({ traces: config.traces, version: VERSION, log });
  const claims: ClaimDeps = {
    root: config.state.kind === "shared" ? config.state.root : "",
    clock,
    timing: claimTiming,
    newInstanceId: () => newId("instance"),
    onFault: (error) => log.error({ error }, "the shared state directory has a fault"),
  };
  const state =
    config.state.kind === "own"
      ? ownStateDirectory(config.state.directory)
      : await takeStateDirectory({ ...claims, log });
  const spoolOptions = {
    bytesMax: config.spoolBytesMax,
    newStreamId: () => newId("stream"),
    keepsCounter: budgets.keeps,
  };
  const spool = await openSpool({
    ...spoolOptions,
    directory: join(state.path, "spool"),
    disk: state.disk,
    restore: budgets.restore,
    onFault: (error) => log.error({ error }, "the usage spool has a fault"),
  });
  const authorities = new Set(config.authorities);
  const metrics = createGatewayMetrics(registry, STAGE_NAMES);
  const audit = createAuditSink((lines) => output.out(lines));

  const gateway: Gateway = {
    clock,
    random,
    newId,
    log,
    protocols: createProtocols([createLlm(dialects)]),
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
    breakers,
    idempotency: createIdempotencyKeys(IDEMPOTENCY_KEYS_MAX),
    audit,
    metrics,
    tracing,
    authorities,
    inFlightMax: IN_FLIGHT_MAX,
    load,
  };

  const instanceId = newId("instance");
  const usage = () => usageState(spool, reporter);
  const heartbeat = (): Heartbeat => ({
    schema: HEARTBEAT_SCHEMA,
    instance_id: instanceId,
    version: VERSION,
    state: load.draining ? "draining" : holder.current() === undefined ? "starting" : "ready",
    applied_revision: holder.current()?.revision ?? 0,
    requests_in_flight: load.inFlight,
    streams_open: load.streamsOpen,
    calls: { ...metrics.calls },
    ...usage(),
    sent_at: clock.wallMs(),
  });
  const send: SendBatch = async (body) => {
    const answer = await link.authorisedFetch({
      method: "POST",
      path: DATA_PLANE_API.usage,
      headers: { "content-type": "application/x-ndjson", "content-encoding": "gzip" },
      body,
    });
    const retryAfter = Number(answer.header("retry-after"));
    return {
      status: answer.status,
      body: answer.body.toString(),
      retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1_000 : undefined,
    };
  };
  const reporter = createReporter({
    spool,
    clock,
    random,
    onFault: (error) => log.error({ error }, "usage is not being taken by the control plane"),
    send,
  });
  holder.subscribe(pools.retain);

  const server = buildServer(gateway, replyIdleMs);
  const drain = drainable(server, () => load.inFlight);
  const ready = () => holder.current() !== undefined && !load.draining;
  const admin = buildAdminServer({ registry, ready });
  registerStateMetrics({
    registry,
    version: VERSION,
    clock,
    holder,
    load,
    breakers,
    usage,
    spoolBytes: () => spool.bytes,
  });
  // First what is on disk: a restart serves from its first moment, whether the control plane is there or not.
  const link = await startControlLink({
    controlPlaneUrl: config.controlPlaneUrl,
    stateDir: state.path,
    joinToken: config.joinToken,
    serviceAccountToken: config.serviceAccountToken,
    onLiveReplicas: (count) => {
      liveReplicas = count;
    },
    version: VERSION,
    instanceId,
    holder,
    heartbeat,
    logger: log,
    clock,
    random,
    newAssertionId: () => randomBytes(16).toString("hex"),
  });
  const url = await listen(server, config.host, config.port);
  if (config.authorities === undefined) {
    for (const authority of ownAuthorities(config.host, url)) authorities.add(authority);
  }
  const adminUrl = await listen(admin, config.host, config.adminPort);
  output.out(`${JSON.stringify({ event: "listening", url, admin_url: adminUrl })}\n`);
  const announce = ({ revision }: CompiledPolicy) =>
    output.out(`${JSON.stringify({ event: "ready", revision })}\n`);
  holder.subscribe(announce);
  const applied = holder.current();
  if (applied !== undefined) announce(applied);
  reporter.start();
  const orphans =
    config.state.kind === "own"
      ? undefined
      : recoverOrphans({ ...claims, ownName: basename(state.path), spool: spoolOptions, send, log, random });
  registerReplicaMetrics({ registry, replicas, orphans });

  return {
    url,
    adminUrl,
    lost: state.lost,
    async stop() {
      load.draining = true;
      if (config.drainDelayMs > 0) await delay(config.drainDelayMs);
      await drain(config.drainMs);
      await Promise.all([orphans?.stop(), reporter.flush(FLUSH_MS)]);
      await reporter.stop();
      await link.sayStopped();
      await link.stop();
      await Promise.all([pools.close(), stopTracing()]);
      audit.flush();
      await spool.close();
      state.release(spool.ackedSeq === spool.headSeq);
      admin.close();
      admin.closeAllConnections();
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host);
  await once(server, "listening");
  const { port: bound, address, family } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${bound}`;
}

const WILDCARDS: readonly string[] = ["0.0.0.0", "::"];

/** What `Host` may say where nothing is configured: this listener's own address. A wildcard listener takes any. */
function ownAuthorities(host: string, url: string): string[] {
  if (WILDCARDS.includes(host)) return [];
  const { host: own, port } = new URL(url);
  return [own, `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
}
