/**
 * The part of the control plane that acts unasked: it provisions data planes, and audits the ledger. It and the drivers
 * are all that knows of `infra`; the API only writes down what is wanted.
 */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Services } from "../api/trpc/context.ts";
import type { Config } from "../config.ts";
import { ensureJoinSecret } from "../data-planes/join/join-secret.ts";
import { issueJoinToken } from "../data-planes/join/join-token.ts";
import { kubeconfigOf } from "../data-planes/regions/cluster-access.ts";
import { createReleaseController } from "../data-planes/releases/controller.ts";
import { imageOf } from "../data-planes/releases/image-of.ts";
import { createReleaseMetrics } from "../data-planes/releases/metrics.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import { createLedgerWatch } from "../ledger/invariants/watch-ledger.ts";
import { Refusal } from "../lib/refusal.ts";
import { repeat } from "../lib/repeat.ts";
import { createLocalDriver } from "../provisioning/local/local-driver.ts";
import { createProvisioningMetrics } from "../provisioning/metrics.ts";
import type { Provisioner } from "../provisioning/provisioner.ts";
import { imagesFromConfig } from "../provisioning/pulumi/decide/images-from-config.ts";
import {
  createOperationMetrics,
  type OperationMetrics,
} from "../provisioning/pulumi/operate/operation-metrics.ts";
import { createPulumiDriver } from "../provisioning/pulumi/operate/pulumi-driver.ts";
import { checkEngine, checkPassphraseFile } from "../provisioning/pulumi/process/check-engine.ts";
import { createOperationStarter } from "../provisioning/pulumi/process/operation-process.ts";
import { endSurvivors } from "../provisioning/pulumi/process/surviving-processes.ts";
import { createReconciler } from "../provisioning/reconciler.ts";
import { isSurelyGone, workerIdentity } from "../provisioning/worker-identity.ts";
import { VERSION } from "../version.ts";

export interface WorkerOptions
  extends Pick<
    Config,
    | "driver"
    | "pulumi"
    | "dataDirectory"
    | "dataPlaneEntry"
    | "stopDataPlanesOnExit"
    | "ledgerAuditMs"
    | "environment"
  > {
  /** Where data planes reach the control plane. */
  readonly controlPlaneUrl: string;
  readonly services: WorkerServices;
}

export type WorkerServices = Pick<
  Services,
  | "db"
  | "contract"
  | "embedded"
  | "clock"
  | "random"
  | "makeId"
  | "logger"
  | "secrets"
  | "keyWrapper"
  | "operationHints"
> & { readonly metrics: Pick<Services["metrics"], "registry"> };

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
  const { db, logger: log, metrics, random, contract } = services;
  if (ledgerAuditMs === 0) return async () => undefined;
  const pass = createLedgerWatch({
    db,
    log,
    registry: metrics.registry,
    contract,
    chance: () => chanceOf(random),
  });
  return repeat(pass, ledgerAuditMs, (error) => log.error({ err: error }, "an audit of the ledger failed"));
}

async function startProvisioning(options: WorkerOptions): Promise<Worker> {
  const { db, clock, random, logger, embedded, metrics } = options.services;
  const provisioningMetrics = createProvisioningMetrics(metrics.registry);
  const operationMetrics = createOperationMetrics(metrics.registry);
  const holder = await workerIdentity(Buffer.from(random(8)).toString("hex"));
  const wake: Wake = (id) => reconciler.wake(id);
  const provisioner =
    options.driver === "pulumi"
      ? await pulumiDriver(options, { wake, metrics: operationMetrics })
      : await localDriver(options, { wake, onRestart: provisioningMetrics.countRestart });
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

type Wake = (id: Parameters<ReturnType<typeof createReconciler>["wake"]>[0]) => void;

async function localDriver(
  options: WorkerOptions,
  { wake, onRestart }: { wake: Wake; onRestart: () => void },
): Promise<Provisioner> {
  const { clock, logger } = options.services;
  return createLocalDriver({
    directory: resolve(options.dataDirectory, "data-planes"),
    entry: await findEntry(options.dataPlaneEntry),
    controlPlaneUrl: options.controlPlaneUrl,
    environment: options.environment,
    clock,
    onEvent(id, event, detail) {
      logger.info({ data_plane_id: id, event, detail }, "data plane's process");
      if (event === "ended" || event === "failed") onRestart();
      wake(id);
    },
  });
}

async function pulumiDriver(
  options: WorkerOptions,
  { wake, metrics }: { wake: Wake; metrics: OperationMetrics },
): Promise<Provisioner> {
  const { pulumi, services } = options;
  const { db, clock, random, logger, secrets, keyWrapper } = services;
  if (pulumi === undefined) throw new TypeError("the driver pulumi has no settings");
  const engine = await checkEngine();
  await checkPassphraseFile(pulumi.passphraseFile);
  logger.info({ engine }, "found the engine");
  const initial = imagesFromConfig(pulumi);
  return createPulumiDriver({
    db,
    clock,
    makeId: services.makeId,
    log: logger,
    metrics,
    startOperation: createOperationStarter({
      directory: resolve(options.dataDirectory, "operations"),
      environment: options.environment,
      onNoise: (operation_id, text) =>
        logger.warn({ operation_id, text }, "an operation's process complained"),
    }),
    endSurvivors: (operationId) => endSurvivors(operationId, SURVIVORS_GRACE_MS),
    imagesOf: (spec) => withPlatform(db, (tx) => imageOf(tx, spec, initial)),
    joinSecretOf: ({ tenantId, id }) =>
      withTenant(db, tenantId, (tx) => ensureJoinSecret(tx, id, { secrets, random })),
    kubeconfigOf: (region) => kubeconfigOf(keyWrapper, region),
    settings: {
      ...pulumi,
      timing: { driftMs: pulumi.driftMs, repairsDrift: pulumi.repairsDrift, spreadMs: SPREAD_MS },
    },
    programVersion: VERSION,
    onChange: wake,
    onEvents: (operationId) => services.operationHints.publish(operationId),
  });
}

/** 0 to 1, below 1. */
function chanceOf(random: Services["random"]): number {
  return Buffer.from(random(4)).readUInt32BE() / 2 ** 32;
}

const RELEASE_PASS_MS = 2_000;
/** For an engine whose worker is gone to end by itself. */
const SURVIVORS_GRACE_MS = 20_000;
/** Over how long all data planes of a region follow a change that concerns all of them. */
const SPREAD_MS = 120_000;

/** The built data plane beside this package in the workspace. */
const WORKSPACE_ENTRY = fileURLToPath(new URL("../../../data-plane/dist/main.js", import.meta.url));

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
