/** The composition root: everything is made here, in the order in which it is needed, and ended in reverse. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { buildServer } from "../api/server.ts";
import type { Services } from "../api/trpc/context.ts";
import { publishPrices } from "../billing/prices/service.ts";
import type { Config } from "../config.ts";
import { watchHeartbeats } from "../data-planes/watch-heartbeats.ts";
import { type OpenDatabase, openDatabase } from "../db/client.ts";
import { withPlatform } from "../db/tenant-scope.ts";
import { hashOperatorToken } from "../identity/operator-token.ts";
import { readOrMakeOperatorToken } from "../identity/operator-token-file.ts";
import { systemClock } from "../lib/clock.ts";
import { holdDirectory } from "../lib/hold-directory.ts";
import { createLogger } from "../lib/logger.ts";
import { createMakeId, type Random } from "../lib/make-id.ts";
import { createMetrics } from "../lib/metrics.ts";
import { buildMetricsServer } from "../lib/metrics-server.ts";
import { createOperationHints } from "../provisioning/operations/operation-hints.ts";
import type { KeyWrapper } from "../secrets/key-wrapper.ts";
import { openGivenKeyWrapper, openLocalKeyWrapper } from "../secrets/local-key-wrapper.ts";
import { createTenantSecrets } from "../secrets/tenant-secrets.ts";
import { renderSnapshot } from "../snapshots/render-snapshot.ts";
import { createRevisionEvents } from "../snapshots/revision-events.ts";
import { hasSigningKeys, loadSigningKeys } from "../snapshots/signing-keys.ts";
import { VERSION } from "../version.ts";
import { startWorker } from "./worker.ts";

export interface RunningControlPlane {
  /** Of the API; empty where this process does not serve it. */
  readonly url: string;
  readonly metricsUrl: string;
  /** Empty where this process does not serve the API. */
  readonly operatorToken: string;
  /** Drains: data planes first, since they ship their last usage here, then requests, then the database. */
  stop(): Promise<void>;
}

/** Connections that have not ended by themselves after this long are cut. */
const CLOSE_MS_MAX = 10_000;

export async function startControlPlane(config: Config): Promise<RunningControlPlane> {
  const { role } = config;
  const random = (count: number) => randomBytes(count);
  const clock = systemClock;
  const logger = createLogger(config.logLevel);
  const makeId = createMakeId(clock, random);
  const metrics = createMetrics({ processMetrics: true });
  const ended: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (const end of ended.splice(0).reverse()) await end();
  };

  try {
    // Several may share a Postgres, but never the files of a database or the processes of data planes.
    if (config.databaseUrl === undefined || (config.driver === "local" && role !== "api"))
      ended.push(await holdDirectory(config.dataDirectory));
    const operatorToken = role === "worker" ? "" : await operatorTokenFor(config, random);
    const database = await openConfigured(config);
    ended.push(() => database.close());
    const keyWrapper = await openKeyWrapper(config, random, database);
    let publicUrl = config.publicUrl ?? "";
    let draining = false;
    let wakeWorker: () => void = () => undefined;
    const revisionEvents = createRevisionEvents();
    const operationHints = createOperationHints();
    const services: Services = {
      db: database.db,
      embedded: database.embedded,
      version: VERSION,
      clock,
      random,
      makeId,
      logger,
      metrics,
      keyWrapper,
      secrets: createTenantSecrets(keyWrapper, random),
      operatorTokenHash: hashOperatorToken(operatorToken),
      driver: config.driver,
      privateNetworks: config.privateNetworks,
      publicUrl: () => publicUrl,
      revisionEvents,
      operationHints,
      renderSnapshot: (tx, tenant, { takesAway }) =>
        renderSnapshot(tx, tenant, { now: clock.wallMs(), anySize: takesAway }),
      onRevision: (tenantId, revision) => {
        metrics.revisions.inc();
        revisionEvents.publish(tenantId, revision);
        wakeWorker();
      },
    };

    let url = "";
    if (role !== "worker") {
      url = await serveApi(config, services, { ended, isDraining: () => draining });
      if (publicUrl === "") publicUrl = url;
      watchHeartbeats(metrics.registry, { db: database.db, clock });
    }
    const metricsUrl = await serveMetrics(config, services, { ended, isDraining: () => draining });

    if (role !== "api") {
      const worker = await startWorker({
        driver: config.driver,
        pulumi: config.pulumi,
        dataDirectory: config.dataDirectory,
        dataPlaneEntry: config.dataPlaneEntry,
        controlPlaneUrl: publicUrl,
        stopDataPlanesOnExit: config.stopDataPlanesOnExit,
        environment: config.environment,
        services,
      });
      wakeWorker = () => worker.wake();
      ended.push(() => worker.stop());
    }

    if (role !== "worker") {
      // A change of prices that was cut off before it had reached every tenant reaches the others now.
      const published = publishPrices(services, { kind: "system", id: "start" }).catch((error) =>
        logger.error({ err: error }, "prices did not reach all tenants"),
      );
      ended.push(() => published);
    }

    return {
      url,
      metricsUrl,
      operatorToken,
      stop: async () => {
        draining = true;
        await stopAll();
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Brings the schema up to date and ends. */
export async function migrateDatabase(config: Config): Promise<void> {
  const release =
    config.databaseUrl === undefined ? await holdDirectory(config.dataDirectory) : async () => undefined;
  try {
    await (await openConfigured({ ...config, role: "all" })).close();
  } finally {
    await release();
  }
}

interface Surroundings {
  /** What is to be ended, in the order of its making. */
  readonly ended: (() => Promise<void>)[];
  readonly isDraining: () => boolean;
}

async function serveApi(
  config: Config,
  services: Services,
  { ended, isDraining }: Surroundings,
): Promise<string> {
  const signingKeys = await loadSigningKeys(services.db, {
    wrapper: services.keyWrapper,
    makeId: services.makeId,
    now: services.clock.wallMs(),
  });
  const app = buildServer({ services, signingKeys, isDraining, allowedOrigins: config.allowedOrigins });
  ended.push(async () => {
    services.operationHints.close();
    const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS_MAX);
    await app.close();
    clearTimeout(cut);
  });
  return app.listen({ host: config.host, port: config.port });
}

async function serveMetrics(
  config: Config,
  { db, metrics }: Services,
  { ended, isDraining }: Surroundings,
): Promise<string> {
  const server = buildMetricsServer(metrics.registry, {
    trouble: async () => {
      if (isDraining()) return "draining";
      return withPlatform(db, (tx) => tx.execute(sql`select 1`)).then(
        () => undefined,
        () => "database unavailable",
      );
    },
  });
  server.listen(config.metricsPort, config.host);
  await once(server, "listening");
  ended.push(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return `http://${config.host}:${(server.address() as AddressInfo).port}`;
}

async function operatorTokenFor(config: Config, random: Random): Promise<string> {
  return (
    config.operatorToken ?? readOrMakeOperatorToken(join(config.dataDirectory, "operator-token"), random)
  );
}

async function openKeyWrapper(config: Config, random: Random, { db }: OpenDatabase): Promise<KeyWrapper> {
  if (config.keyFile !== undefined) return openGivenKeyWrapper(config.keyFile, random);
  return openLocalKeyWrapper(join(config.dataDirectory, "platform-key"), random, {
    inUse: await hasSigningKeys(db),
  });
}

function openConfigured(config: Config): Promise<OpenDatabase> {
  const { databaseUrl: url } = config;
  if (url === undefined)
    return openDatabase({ kind: "embedded", directory: join(config.dataDirectory, "database") });
  return openDatabase({
    kind: "postgres",
    url,
    // Of processes that share the work none changes what the others stand on.
    ...(config.role === "all" ? {} : { awaitMigratedMs: MIGRATED_MS_MAX }),
  });
}

/** A job that migrates may run beside the first start. */
const MIGRATED_MS_MAX = 120_000;
