/** What every role stands on: the data directory, the database, the keys, and the services made of them. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Contract } from "@headgate/sdk/contract";
import type { Services } from "../api/trpc/context.ts";
import type { Config } from "../config.ts";
import { createOperationHints } from "../data-planes/operations/operation-hints.ts";
import { type OpenDatabase, openDatabase } from "../db/client.ts";
import { hashOperatorToken } from "../identity/operator-token.ts";
import { readOrMakeOperatorToken } from "../identity/operator-token-file.ts";
import { systemClock } from "../lib/clock.ts";
import { lockDirectory } from "../lib/directory-lock.ts";
import { createLogger } from "../lib/logger.ts";
import { createMakeId, type Random } from "../lib/make-id.ts";
import { createMetrics } from "../lib/metrics.ts";
import { createTrialPool } from "../policy/rules/trials/trial-pool.ts";
import type { KeyWrapper } from "../secrets/key-wrapper.ts";
import { openGivenKeyWrapper, openLocalKeyWrapper } from "../secrets/local-key-wrapper.ts";
import { createTenantSecrets } from "../secrets/tenant-secrets.ts";
import { renderSnapshot } from "../snapshots/render-snapshot.ts";
import { createRevisionEvents } from "../snapshots/revision-events.ts";
import { hasSigningKeys } from "../snapshots/signing-keys.ts";
import { VERSION } from "../version.ts";
import type { Shutdown } from "./shutdown.ts";

export interface Shared {
  readonly services: Services;
  /** Empty where this process does not serve the API. */
  readonly operatorToken: string;
}

export interface SharedOptions {
  readonly shutdown: Shutdown;
  /** A tenant has a new revision; must not throw. */
  readonly onRevision: () => void;
  readonly contract: Contract;
}

export async function openShared(
  config: Config,
  { shutdown, onRevision, contract }: SharedOptions,
): Promise<Shared> {
  const { role } = config;
  const random = (count: number) => randomBytes(count);
  const clock = systemClock;
  const metrics = createMetrics({ processMetrics: true });
  // Several may share a Postgres, but never the files of a database or the processes of data planes.
  if (config.databaseUrl === undefined || (config.driver === "local" && role !== "api")) {
    const lock = lockDirectory(config.dataDirectory);
    shutdown.later(async () => lock[Symbol.dispose]());
  }
  const tokenFile = join(config.dataDirectory, "operator-token");
  const operatorToken =
    role === "worker" ? "" : (config.operatorToken ?? (await readOrMakeOperatorToken(tokenFile, random)));
  const database = await openConfigured(config);
  shutdown.later(() => database.close());
  const logger = createLogger(config.logLevel);
  if (role !== "all" && database.mayChangeSchema)
    logger.warn(
      `the login of DATABASE_URL may change the schema, which the ${role} never does: give it one of its own`,
    );
  const keyWrapper = await openKeyWrapper(config, random, database);
  const revisionEvents = createRevisionEvents();
  const trials = createTrialPool();
  shutdown.later(() => trials.close());
  const services: Services = {
    db: database.db,
    embedded: database.embedded,
    version: VERSION,
    contract,
    clock,
    random,
    makeId: createMakeId(clock, random),
    logger,
    metrics,
    keyWrapper,
    secrets: createTenantSecrets(keyWrapper, random),
    operatorTokenHash: hashOperatorToken(operatorToken),
    driver: config.driver,
    privateNetworks: config.privateNetworks,
    revisionEvents,
    operationHints: createOperationHints(),
    trials,
    renderSnapshot: (tx, tenant, { takesAway }) =>
      renderSnapshot(tx, tenant, { now: clock.wallMs(), anySize: takesAway, contract }),
    onRevision: (tenantId, revision) => {
      metrics.revisions.inc();
      revisionEvents.publish(tenantId, revision);
      onRevision();
    },
  };
  return { services, operatorToken };
}

/** Brings the schema up to date and ends. */
export async function migrateDatabase(config: Config): Promise<void> {
  using _lock = config.databaseUrl === undefined ? lockDirectory(config.dataDirectory) : undefined;
  await (await openConfigured({ ...config, role: "all" })).close();
}

async function openKeyWrapper(config: Config, random: Random, { db }: OpenDatabase): Promise<KeyWrapper> {
  if (config.keyFile !== undefined) return openGivenKeyWrapper(config.keyFile, random);
  return openLocalKeyWrapper(join(config.dataDirectory, "platform-key"), random, {
    inUse: await hasSigningKeys(db),
  });
}

/** A job that migrates may run beside the first start. */
const MIGRATED_MS_MAX = 120_000;

function openConfigured(config: Config): Promise<OpenDatabase> {
  const { databaseUrl: url } = config;
  if (url === undefined)
    return openDatabase({ kind: "embedded", directory: join(config.dataDirectory, "database") });
  return openDatabase({
    kind: "postgres",
    url,
    // Of processes that share the work none changes what the others stand on.
    ...(config.role === "all" ? { logins: config.databaseLogins } : { awaitMigratedMs: MIGRATED_MS_MAX }),
  });
}
