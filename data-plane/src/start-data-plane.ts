/** Puts the parts of a data plane together and runs them. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DATA_PLANE_API, HEARTBEAT_SCHEMA, type Heartbeat } from "@headgate/sdk/contract";
import { Registry } from "prom-client";
import { buildAdminServer } from "./admin-server.ts";
import { createAuditSink } from "./audit/audit-sink.ts";
import type { Config } from "./config.ts";
import { startControlLink } from "./control-link/start-control-link.ts";
import { drainable } from "./drain-server.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import { createIds } from "./lib/ids.ts";
import { createLogger } from "./lib/logger.ts";
import { createBudgets } from "./limits/budgets.ts";
import { createExpectedOutput } from "./limits/expected-output.ts";
import { createLimiter } from "./limits/limiter.ts";
import { createIdempotencyKeys } from "./pipeline/idempotency-keys.ts";
import type { Gateway } from "./pipeline/stage.ts";
import type { CompiledPolicy } from "./policy/compiled-policy.ts";
import { createPolicyHolder } from "./policy/policy-holder.ts";
import { buildServer } from "./server.ts";
import { createGatewayMetrics } from "./telemetry/gateway-metrics.ts";
import { startTracing } from "./telemetry/start-tracing.ts";
import { registerStateMetrics } from "./telemetry/state-metrics.ts";
import { createBreakers } from "./upstream/breakers.ts";
import { createUpstreamPools } from "./upstream/pools.ts";
import { createRecorder } from "./usage/recorder.ts";
import { createReporter } from "./usage/reporter.ts";
import { openSpool } from "./usage/spool.ts";
import { usageState } from "./usage/usage-state.ts";
import { VERSION } from "./version.ts";

const IN_FLIGHT_MAX = 8_192;
const IDEMPOTENCY_KEYS_MAX = 10_000;
/** How much longer than the drain the last usage may take to be acknowledged. */
const FLUSH_MS = 10_000;

export interface DataPlane {
  readonly url: string;
  readonly adminUrl: string;
  /** Drains: not ready at once, calls in flight run to their end or to the deadline, usage is flushed. */
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
}

/** Resolves when the listeners are open. Rejects when the state directory or a port cannot be used. */
export async function startDataPlane(
  config: Config,
  output: DataPlaneOutput,
  { clock = systemClock, replyIdleMs }: DataPlaneTuning = {},
): Promise<DataPlane> {
  const log = createLogger((line) => output.log(line), clock.wallMs);
  const newId = createIds(clock.wallMs);
  const random = Math.random;
  const registry = new Registry();
  const holder = createPolicyHolder();
  const budgets = createBudgets(clock);
  const breakers = createBreakers();
  const pools = createUpstreamPools();
  const load = { inFlight: 0, streamsOpen: 0, bodyBytes: 0, draining: false };
  const { tracing, stop: stopTracing } = await startTracing({ traces: config.traces, version: VERSION, log });
  const spool = await openSpool({
    directory: join(config.stateDir, "spool"),
    bytesMax: config.spoolBytesMax,
    newStreamId: () => newId("stream"),
    restore: budgets.restore,
    keepsCounter: budgets.keeps,
    onFault: (error) => log.error({ error }, "the usage spool has a fault"),
  });
  const authorities = new Set(config.authorities);
  const audit = createAuditSink((lines) => output.out(lines));

  const gateway: Gateway = {
    clock,
    random,
    newId,
    log,
    policy: holder.current,
    limiter: createLimiter(clock),
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
    metrics: createGatewayMetrics(registry),
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
    ...usage(),
    sent_at: clock.wallMs(),
  });
  const reporter = createReporter({
    spool,
    clock,
    random,
    onFault: (error) => log.error({ error }, "usage is not being taken by the control plane"),
    send: async (body) => {
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
    },
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
    stateDir: config.stateDir,
    joinToken: config.joinToken,
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

  return {
    url,
    adminUrl,
    async stop() {
      load.draining = true;
      await drain(config.drainMs);
      await reporter.flush(FLUSH_MS);
      await reporter.stop();
      await link.stop();
      await Promise.all([pools.close(), stopTracing()]);
      audit.flush();
      await spool.close();
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
