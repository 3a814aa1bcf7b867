/**
 * The part of the control plane that acts on the world: it provisions data planes. It and the drivers are all that
 * knows of `infra`; the API only writes down what is wanted.
 */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Registry } from "prom-client";
import { issueJoinToken } from "./data-plane-api/join-token.ts";
import type { Database } from "./db/client.ts";
import { withTenant } from "./db/tenant-scope.ts";
import type { Clock } from "./lib/clock.ts";
import type { Logger } from "./lib/logger.ts";
import type { Random } from "./lib/make-id.ts";
import { Refusal } from "./lib/refusal.ts";
import { createLocalDriver } from "./provisioning/local-driver.ts";
import { createProvisioningMetrics } from "./provisioning/metrics.ts";
import { createReconciler } from "./provisioning/reconciler.ts";

export interface WorkerOptions {
  readonly driver: "local" | "none";
  /** The control plane's own; data planes live under it. */
  readonly dataDirectory: string;
  /** The data plane's main module; the workspace's own build when absent. */
  readonly dataPlaneEntry?: string | undefined;
  /** Where data planes reach the control plane. */
  readonly controlPlaneUrl: string;
  /** Whether stopping drains the data planes, or leaves them to the next control plane. */
  readonly stopDataPlanesOnExit: boolean;
  /** The environment of this process, of which the drivers pass on a few names. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly db: Database;
  /** The database runs inside this process, and so no other one provisions from it. */
  readonly embedded: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly registry: Registry;
}

export interface Worker {
  /** Something that a data plane depends on has changed in this process: look now instead of soon. */
  wake(): void;
  /** Resolves when the pass that is running has ended and the data planes are drained, or left. */
  stop(): Promise<void>;
}

/** Starts the worker. Rejects when the local driver has no data plane to start. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  if (options.driver === "none") return { wake: () => undefined, stop: async () => undefined };
  const entry = await findEntry(options.dataPlaneEntry);
  const { db, clock, random, logger } = options;
  const metrics = createProvisioningMetrics(options.registry);
  const provisioner = createLocalDriver({
    directory: resolve(options.dataDirectory, "data-planes"),
    entry,
    controlPlaneUrl: options.controlPlaneUrl,
    environment: options.environment,
    clock,
    onEvent(id, event, detail) {
      logger.info({ data_plane_id: id, event, detail }, "data plane's process");
      if (event === "ended" || event === "failed") metrics.countRestart();
      reconciler.wake(id);
    },
  });
  const reconciler = createReconciler({
    db,
    provisioner,
    issueJoinToken: ({ tenantId, dataPlaneId }) =>
      withTenant(db, tenantId, (tx) => issueJoinToken(tx, dataPlaneId, { now: clock.wallMs(), random })),
    clock,
    log: logger,
    metrics,
    holder: Buffer.from(random(8)).toString("hex"),
    alone: options.embedded,
  });
  reconciler.start();
  return {
    wake: () => reconciler.wake(),
    async stop() {
      await reconciler.stop();
      const ended = await provisioner.close({ drain: options.stopDataPlanesOnExit });
      // The data planes have ended whether or not that can be written down.
      await reconciler
        .recordStopped(ended)
        .catch((error) => logger.error({ err: error }, "could not record that data planes have stopped"));
    },
  };
}

/** The built data plane beside this package in the workspace. */
const WORKSPACE_ENTRY = fileURLToPath(new URL("../../data-plane/dist/main.js", import.meta.url));

async function findEntry(configured: string | undefined): Promise<string> {
  const entry = configured === undefined ? WORKSPACE_ENTRY : resolve(configured);
  const found = await stat(entry).catch(() => undefined);
  if (found?.isFile()) return entry;
  throw new Refusal(
    configured === undefined
      ? "HEADGATE_DATA_PLANE_ENTRY is not set, and there is no built data plane beside the control plane. Set it to the data plane's main.js, or set HEADGATE_DRIVER=none."
      : `HEADGATE_DATA_PLANE_ENTRY names a file that does not exist: ${configured}`,
  );
}
