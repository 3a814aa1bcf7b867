/**
 * The composition root: what every role stands on first, then the roles of this process. Each role is loaded only where
 * it is played, so that a process that serves the API knows nothing of Pulumi.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { CONTRACT, type Contract } from "@headgate/sdk/contract";
import type { Services } from "../api/trpc/context.ts";
import type { Config } from "../config.ts";
import { ping } from "../db/tenant-scope.ts";
import { buildMetricsServer } from "../lib/metrics-server.ts";
import { openShared } from "./shared.ts";
import { createShutdown, type Shutdown } from "./shutdown.ts";
import type { Worker } from "./worker.ts";

export interface RunningControlPlane {
  /** Of the API; empty where this process does not serve it. */
  readonly url: string;
  readonly metricsUrl: string;
  /** Empty where this process does not serve the API. */
  readonly operatorToken: string;
  /** Drains: data planes first, since they ship their last usage here, then requests, then the database. */
  stop(): Promise<void>;
}

export interface ControlPlaneTuning {
  /** Another than the code's own in tests of its evolution only. */
  readonly contract?: Contract;
  /** It has its database, and may find data planes from now on: it is to end in order. */
  readonly onOpened?: () => void;
}

export async function startControlPlane(
  config: Config,
  { contract = CONTRACT, onOpened }: ControlPlaneTuning = {},
): Promise<RunningControlPlane> {
  const shutdown = createShutdown();
  try {
    let worker: Worker | undefined;
    const onRevision = () => worker?.wake();
    const { services, operatorToken } = await openShared(config, { shutdown, onRevision, contract });
    onOpened?.();
    let url = "";
    if (config.role !== "worker") {
      const { startApi } = await import("./api.ts");
      url = await startApi(config, services, shutdown);
    }
    const metricsUrl = await serveMetrics(config, services, shutdown);
    if (config.role !== "api") {
      const { startWorker } = await import("./worker.ts");
      const started = await startWorker({ ...config, controlPlaneUrl: config.publicUrl ?? url, services });
      shutdown.later(() => started.stop());
      worker = started;
    }
    return { url, metricsUrl, operatorToken, stop: () => shutdown.run() };
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}

async function serveMetrics(config: Config, { db, metrics }: Services, shutdown: Shutdown): Promise<string> {
  const server = buildMetricsServer(metrics.registry, {
    trouble: async () => {
      if (shutdown.isDraining()) return "draining";
      return ping(db).then(
        () => undefined,
        () => "database unavailable",
      );
    },
  });
  server.listen(config.metricsPort, config.host);
  await once(server, "listening");
  shutdown.later(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return `http://${config.host}:${(server.address() as AddressInfo).port}`;
}
