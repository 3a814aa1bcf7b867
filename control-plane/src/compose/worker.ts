/**
 * The part of the control plane that acts unasked: it provisions data planes, and audits the ledger. Its drivers are all
 * that knows of `infra`; the API only writes down what is wanted.
 */
import type { Id } from "@headgate/sdk/contract";
import type { Services } from "../api/trpc/context.ts";
import { issueJoinToken } from "../data-planes/join/join-token.ts";
import { createReleaseController } from "../data-planes/releases/controller.ts";
import { createReleaseMetrics } from "../data-planes/releases/metrics.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { createLedgerWatch } from "../ledger/invariants/watch-ledger.ts";
import { repeat } from "../lib/repeat.ts";
import { createProvisioningMetrics } from "../provisioning/metrics.ts";
import type { Provisioner } from "../provisioning/provisioner.ts";
import { createOperationMetrics } from "../provisioning/pulumi/operate/operation-metrics.ts";
import { createReconciler } from "../provisioning/reconciler.ts";
import { isSurelyGone, workerIdentity } from "../provisioning/worker-identity.ts";
import type { DriverEvents, WorkerOptions } from "./worker-options.ts";

export interface Worker {
  /** Something that a data plane depends on has changed in this process: look now instead of soon. */
  wake(): void;
  /** Resolves when the pass that is running has ended and the data planes are drained, or left. */
  stop(): Promise<void>;
}

/** Starts the worker. Rejects when its driver lacks what it needs. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const provisioning = options.driver === "none" ? undefined : await startProvisioning(options);
  const stopAudits = auditLedger(options);
  return {
    wake: () => provisioning?.wake(),
    async stop() {
      await stopAudits();
      await provisioning?.stop();
    },
  };
}

function auditLedger({ ledgerAuditMs, services }: WorkerOptions): () => Promise<void> {
  const { db, logger: log, metrics, random, contract, clock } = services;
  if (ledgerAuditMs === 0) return async () => undefined;
  const pass = createLedgerWatch({
    db,
    log,
    registry: metrics.registry,
    contract,
    chance: () => chanceOf(random),
    clock,
  });
  return repeat(pass, ledgerAuditMs, (error) =>
    log.error({ err: error }, "a pass over the ledger's audits failed"),
  );
}

async function startProvisioning(options: WorkerOptions): Promise<Worker> {
  const { db, clock, random, logger, embedded, metrics } = options.services;
  const provisioningMetrics = createProvisioningMetrics(metrics.registry);
  const operationMetrics = createOperationMetrics(metrics.registry);
  const holder = await workerIdentity(Buffer.from(random(8)).toString("hex"));
  const wake = (id: Id<"dataPlane">) => reconciler.wake(id);
  const provisioner = await openDriver(options, {
    wake,
    onRestart: provisioningMetrics.countRestart,
    operationMetrics,
  });
  const reconciler = createReconciler({
    db,
    provisioner,
    issueJoinToken: ({ tenantId, dataPlaneId }) =>
      withTenant(db, tenantId, (tx) => issueJoinToken(tx, dataPlaneId, { now: clock.wallMs(), random })),
    clock,
    log: logger,
    metrics: provisioningMetrics,
    holder,
    // Alone with its database, it finds only leases of the dead; an engine may outlive its worker, so more is asked there.
    isGone: options.driver === "local" && embedded ? async () => true : isSurelyGone,
  });
  reconciler.start();
  const advanceReleases = createReleaseController({
    db,
    clock,
    makeId: options.services.makeId,
    log: logger,
    metrics: createReleaseMetrics(metrics.registry),
    onAssigned: wake,
  });
  const stopReleases =
    options.driver === "pulumi"
      ? repeat(advanceReleases, RELEASE_PASS_MS, (error) =>
          logger.error({ err: error }, "a pass over the releases failed"),
        )
      : async () => undefined;
  return {
    wake: () => reconciler.wake(),
    async stop() {
      await stopReleases();
      await reconciler.stop();
      const ended = await provisioner.close({ drain: options.stopDataPlanesOnExit });
      // The data planes have ended whether or not that can be written down.
      await reconciler
        .recordStopped(ended)
        .catch((error) => logger.error({ err: error }, "could not record that data planes have stopped"));
    },
  };
}

/** Loads the one that is configured, so that a worker without clusters knows nothing of Pulumi. */
async function openDriver(options: WorkerOptions, events: DriverEvents): Promise<Provisioner> {
  if (options.driver === "pulumi") {
    const { openPulumiDriver } = await import("./pulumi-driver.ts");
    return openPulumiDriver(options, events);
  }
  const { openLocalDriver } = await import("./local-driver.ts");
  return openLocalDriver(options, events);
}

/** 0 to 1, below 1. */
function chanceOf(random: Services["random"]): number {
  return Buffer.from(random(4)).readUInt32BE() / 2 ** 32;
}

const RELEASE_PASS_MS = 2_000;
