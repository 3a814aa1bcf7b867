/** The composition root: everything is made here, in the order in which it is needed, and ended in reverse. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { watchHeartbeats } from "./data-plane-api/watch-heartbeats.ts";
import { type OpenDatabase, openDatabase } from "./db/client.ts";
import { systemClock } from "./lib/clock.ts";
import { holdDirectory } from "./lib/hold-directory.ts";
import { createLogger } from "./lib/logger.ts";
import { createMakeId } from "./lib/make-id.ts";
import { createMetrics } from "./lib/metrics.ts";
import { buildMetricsServer } from "./lib/metrics-server.ts";
import { publishPrices } from "./prices/publish-prices.ts";
import { openLocalKeyWrapper } from "./secrets/local-key-wrapper.ts";
import { readOrMakeOperatorToken } from "./secrets/operator-token-file.ts";
import { createTenantSecrets } from "./secrets/tenant-secrets.ts";
import { buildServer } from "./server.ts";
import { renderSnapshot } from "./snapshots/render-snapshot.ts";
import { createRevisionEvents } from "./snapshots/revision-events.ts";
import { hasSigningKeys, loadSigningKeys } from "./snapshots/signing-keys.ts";
import type { Services } from "./trpc/context.ts";
import { hashOperatorToken } from "./trpc/operator-token.ts";
import { VERSION } from "./version.ts";
import { startWorker } from "./worker.ts";

export interface RunningControlPlane {
  readonly url: string;
  readonly metricsUrl: string;
  readonly operatorToken: string;
  /** Drains: data planes first, since they ship their last usage here, then requests, then the database. */
  stop(): Promise<void>;
}

/** Connections that have not ended by themselves after this long are cut. */
const CLOSE_MS_MAX = 10_000;

export async function startControlPlane(config: Config): Promise<RunningControlPlane> {
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
    if (config.databaseUrl === undefined || config.driver === "local")
      ended.push(await holdDirectory(config.dataDirectory));
    const operatorToken =
      config.operatorToken ??
      (await readOrMakeOperatorToken(join(config.dataDirectory, "operator-token"), random));
    const database = await openConfigured(config);
    ended.push(() => database.close());
    const keyWrapper = await openLocalKeyWrapper(join(config.dataDirectory, "platform-key"), random, {
      inUse: await hasSigningKeys(database.db),
    });
    let publicUrl = config.publicUrl ?? "";
    let draining = false;
    let wakeWorker: () => void = () => undefined;
    const revisionEvents = createRevisionEvents();
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
      renderSnapshot: (tx, tenant, { takesAway }) =>
        renderSnapshot(tx, tenant, { now: clock.wallMs(), anySize: takesAway }),
      onRevision: (tenantId, revision) => {
        metrics.revisions.inc();
        revisionEvents.publish(tenantId, revision);
        wakeWorker();
      },
    };
    const signingKeys = await loadSigningKeys(database.db, {
      wrapper: keyWrapper,
      makeId,
      now: clock.wallMs(),
    });

    const app = buildServer({
      services,
      signingKeys,
      isDraining: () => draining,
      allowedOrigins: config.allowedOrigins,
    });
    ended.push(async () => {
      const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS_MAX);
      await app.close();
      clearTimeout(cut);
    });
    const url = await app.listen({ host: config.host, port: config.port });
    if (publicUrl === "") publicUrl = url;

    watchHeartbeats(metrics.registry, { db: database.db, clock });
    const metricsServer = buildMetricsServer(metrics.registry);
    metricsServer.listen(config.metricsPort, config.host);
    await once(metricsServer, "listening");
    ended.push(async () => {
      metricsServer.closeAllConnections();
      await new Promise((closed) => metricsServer.close(closed));
    });
    const metricsAddress = metricsServer.address() as AddressInfo;

    const worker = await startWorker({
      driver: config.driver,
      dataDirectory: config.dataDirectory,
      dataPlaneEntry: config.dataPlaneEntry,
      controlPlaneUrl: publicUrl,
      stopDataPlanesOnExit: config.stopDataPlanesOnExit,
      environment: config.environment,
      db: database.db,
      embedded: database.embedded,
      clock,
      random,
      logger,
      registry: metrics.registry,
    });
    wakeWorker = () => worker.wake();
    ended.push(() => worker.stop());

    // A change of prices that was cut off before it had reached every tenant reaches the others now.
    const published = publishPrices(services, { kind: "system", id: "start" }).catch((error) =>
      logger.error({ err: error }, "prices did not reach all tenants"),
    );
    ended.push(() => published);

    return {
      url,
      metricsUrl: `http://${config.host}:${metricsAddress.port}`,
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

function openConfigured(config: Config): Promise<OpenDatabase> {
  return config.databaseUrl === undefined
    ? openDatabase({ kind: "embedded", directory: join(config.dataDirectory, "database") })
    : openDatabase({ kind: "postgres", url: config.databaseUrl });
}
