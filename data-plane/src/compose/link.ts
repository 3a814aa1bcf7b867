/** The tie to the control plane: configuration comes in, heartbeats and usage go out. */
import { randomBytes } from "node:crypto";
import { DATA_PLANE_API, type Heartbeat, type HeartbeatAnswer } from "@headgate/sdk/contract";
import type { Config } from "../config.ts";
import { type ControlLink, startControlLink } from "../control-link/start-control-link.ts";
import type { LocalBudgets } from "../limits/budgets.ts";
import { createReporter, type Reporter, type SendBatch } from "../usage/report/reporter.ts";
import { type UsageState, usageState } from "../usage/usage-state.ts";
import { VERSION } from "../version.ts";
import type { ComposedGateway } from "./gateway.ts";
import type { State } from "./state.ts";
import type { Surroundings } from "./surroundings.ts";

export interface LinkOptions extends Surroundings, Omit<ComposedGateway, "registry"> {
  readonly config: Pick<Config, "controlPlaneUrl" | "joinToken" | "serviceAccountToken">;
  readonly state: State;
  /** The names of those that are served. */
  readonly dialects: ReadonlySet<string>;
  readonly onLiveReplicas: (count: number) => void;
  readonly budgets: Pick<LocalBudgets, "learn">;
}

export interface Link extends Pick<ControlLink, "sayStopped" | "stop"> {
  readonly reporter: Reporter;
  readonly send: SendBatch;
  usage(): UsageState;
}

/** Resolves when the last good snapshot is in force, where there is one. The reporter is not started. */
export async function startLink(options: LinkOptions): Promise<Link> {
  const { clock, random, newId, log, contract, config, gateway, holder } = options;
  const { directory, spool } = options.state;
  const instanceId = newId("instance");
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
    onFault: (err) => log.error({ err }, "usage is not being taken by the control plane"),
    send,
  });
  const usage = () => usageState(spool, reporter);
  /** How much was heard of what is spent beside this stream. */
  let heard = { streamId: "", version: 0 };
  const heartbeat = (): Heartbeat => ({
    instance_id: instanceId,
    version: VERSION,
    state: gateway.load.draining ? "draining" : holder.current() === undefined ? "starting" : "ready",
    applied_revision: holder.current()?.revision ?? 0,
    requests_in_flight: gateway.load.inFlight,
    streams_open: gateway.load.streamsOpen,
    calls: { ...gateway.metrics.calls },
    ...usage(),
    budgets_version: heard.streamId === spool.shippedAs.streamId ? heard.version : 0,
    sent_at: Math.max(1, clock.wallMs()),
  });
  const onHeartbeat = ({ live_replicas, budgets }: HeartbeatAnswer, told: Heartbeat): void => {
    options.onLiveReplicas(live_replicas);
    if (told.stream_id !== spool.shippedAs.streamId) return;
    for (const charge of budgets.spent) options.budgets.learn(charge);
    heard = { streamId: told.stream_id, version: budgets.version };
  };
  const link = await startControlLink({
    controlPlaneUrl: config.controlPlaneUrl,
    joinToken: config.joinToken,
    serviceAccountToken: config.serviceAccountToken,
    stateDir: directory.path,
    onHeartbeat,
    version: VERSION,
    contract,
    instanceId,
    holder,
    dialects: options.dialects,
    heartbeat,
    decisions: gateway.decisions,
    logger: log,
    clock,
    random,
    newAssertionId: () => randomBytes(16).toString("hex"),
  });
  return { reporter, send, usage, sayStopped: link.sayStopped, stop: link.stop };
}
