/** Puts the parts of a data plane together and runs them. */
import { CONTRACT, type Contract } from "@headgate/sdk/contract";
import type { Config } from "../config.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { createIds } from "../lib/ids.ts";
import { createLogger } from "../lib/logger.ts";
import { createBudgets } from "../limits/budgets.ts";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";
import type { Dialect } from "../protocols/llm/dialects/dialect.ts";
import { DIALECTS } from "../protocols/llm/dialects/dialects.ts";
import { buildAdminServer } from "../server/admin-server.ts";
import { drainable } from "../server/drain-server.ts";
import type { EndBounds } from "../server/gentle-end.ts";
import { listen, ownAuthorities } from "../server/listen.ts";
import { buildServer } from "../server/server.ts";
import { CLAIM_TIMING, type ClaimTiming } from "../storage/claim-timing.ts";
import type { OrphanRecovery } from "../storage/recover-orphans.ts";
import { startTracing } from "../telemetry/start-tracing.ts";
import { registerStateMetrics } from "../telemetry/state-metrics.ts";
import { VERSION } from "../version.ts";
import { composeGateway } from "./gateway.ts";
import { startLink } from "./link.ts";
import { shutDown } from "./shutdown.ts";
import { openState } from "./state.ts";
import type { Surroundings } from "./surroundings.ts";

export interface DataPlane {
  readonly url: string;
  readonly adminUrl: string;
  /** Resolves when another process has taken over what this one keeps: it is not ready any more, and must end. */
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

/** What programs and tests set otherwise. */
interface DataPlaneTuning {
  /** Calls may come from now on, so that it is to end in order. */
  readonly onListening?: () => void;
  readonly clock?: Clock;
  /** How long an agent may take nothing of the end of its answer. */
  readonly replyIdleMs?: number;
  /** How long and how much is still read of what was refused. */
  readonly endBounds?: EndBounds;
  readonly claimTiming?: ClaimTiming;
  readonly dialects?: readonly Dialect[];
  readonly contract?: Contract;
}

/** Resolves when the listeners are open. Rejects when the state directory or a port cannot be used. */
export async function startDataPlane(
  config: Config,
  output: DataPlaneOutput,
  {
    clock = systemClock,
    replyIdleMs,
    endBounds,
    claimTiming = CLAIM_TIMING,
    dialects = DIALECTS,
    contract = CONTRACT,
    onListening,
  }: DataPlaneTuning = {},
): Promise<DataPlane> {
  const log = createLogger((line) => output.log(line), clock.wallMs);
  const around: Surroundings = { clock, random: Math.random, newId: createIds(clock.wallMs), log, contract };
  let liveReplicas = 1;
  const replicas = (): number => liveReplicas;
  const budgets = createBudgets(clock, replicas);
  const { tracing, stop: stopTracing } = await startTracing({ traces: config.traces, version: VERSION, log });
  const state = await openState({ ...around, config, budgets, claimTiming });
  const { spool } = state;
  const authorities = new Set(config.authorities);
  const writeRecords = (lines: string) => output.out(lines);
  const { gateway, holder, registry } = composeGateway({
    ...around,
    spool,
    budgets,
    replicas,
    dialects,
    tracing,
    authorities,
    writeRecords,
  });
  const { load } = gateway;

  const { server, connections, cutCall } = buildServer(gateway, {
    replyIdleMs,
    endBounds,
    connectionsMax: 4_096,
  });
  const drain = drainable(server, () => load.inFlight, cutCall);
  const ready = () => holder.current() !== undefined && !load.draining && !spool.fenced;
  const admin = buildAdminServer({ registry, ready });
  // First what is on disk: a restart serves from its first moment, whether the control plane is there or not.
  const link = await startLink({
    ...around,
    config,
    state,
    gateway,
    holder,
    budgets,
    dialects: new Set(dialects.map(({ name }) => name)),
    onLiveReplicas: (count) => {
      liveReplicas = count;
    },
  });
  const { reporter, usage } = link;
  let orphans: OrphanRecovery | undefined;
  registerStateMetrics({
    registry,
    gateway,
    holder,
    connections,
    usage,
    spool,
    reporter,
    replicas,
    orphans: () => orphans,
  });
  onListening?.();
  const url = await listen(server, config.host, config.port);
  if (config.authorities === undefined) {
    for (const authority of ownAuthorities(config.host, url)) authorities.add(authority);
  }
  const adminUrl = await listen(admin, config.host, config.adminPort);
  const announce = (event: object) => output.out(`${JSON.stringify(event)}\n`);
  const announcePolicy = ({ revision }: CompiledPolicy) => announce({ event: "ready", revision });
  announce({ event: "listening", url, admin_url: adminUrl });
  holder.subscribe(announcePolicy);
  const applied = holder.current();
  if (applied !== undefined) announcePolicy(applied);
  reporter.start();
  const recovery = state.recoverOrphans(link.send);
  orphans = recovery;

  return {
    url,
    adminUrl,
    lost: state.lost,
    stop: () => shutDown({ config, gateway, link, state, orphans: recovery, admin, drain, stopTracing }),
  };
}
