import { mkdir } from "node:fs/promises";
import { PGlite, types as pgliteTypes } from "@electric-sql/pglite";
import { btree_gist } from "@electric-sql/pglite/contrib/btree_gist";
import { drizzle as drizzleNodePg } from "drizzle-orm/node-postgres";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import pg from "pg";
import { Refusal } from "../lib/refusal.ts";
import { mayChangeSchema } from "./logins.ts";
import { awaitMigrated, migrateNodePg, migratePglite } from "./migrate.ts";
import { createTurns, type LaneRules, type Turns } from "./turns.ts";

/** What both drivers say of a raw query. Counts of changed rows differ between them: use `returning()`. */
export interface QueryResultHKT extends PgQueryResultHKT {
  readonly type: QueryRows<this["row"]>;
}

interface QueryRows<Row> {
  rows: Row[];
}

/**
 * What a connection is used for: what tenants and the operator ask, and of that what adds much up; what data planes ask;
 * and the platform's own work.
 */
type Work = "requests" | "reports" | "dataPlanes" | "platform";

/** A handle without a tenant. Only `tenant-scope.ts` and the migrations use it; all else goes through a door. */
export type Database = PgDatabase<QueryResultHKT, Record<string, never>> & {
  readonly turns: Turns<Work>;
  /** Of whom the handle is. */
  readonly work: Exclude<Work, "reports">;
  /** Of the embedded one there are none: it stops for nobody. */
  readonly timeouts: Readonly<Record<Work, Timeouts>> | undefined;
};

/** Settings of a transaction, in milliseconds. */
export interface Timeouts {
  readonly statement_timeout: number;
  /** For a lock that others hold. */
  readonly lock_timeout: number;
}

const TIMEOUTS = {
  requests: { statement_timeout: 10_000, lock_timeout: 5_000 },
  reports: { statement_timeout: 20_000, lock_timeout: 5_000 },
  dataPlanes: { statement_timeout: 10_000, lock_timeout: 5_000 },
  platform: { statement_timeout: 30_000, lock_timeout: 10_000 },
} as const satisfies Record<Work, Timeouts>;

/** The same database, for other work. */
export function forWork(db: Database, work: Database["work"]): Database {
  return Object.create(db, { work: { value: work } });
}

export interface OpenDatabase {
  readonly db: Database;
  /** True for PGlite: one process, one connection. */
  readonly embedded: boolean;
  /** Whether the login could change the schema; of the embedded one it always can. */
  readonly mayChangeSchema: boolean;
  close(): Promise<void>;
}

export type DatabaseOptions =
  | {
      kind: "postgres";
      url: string;
      connectionsMax?: number;
      /** Waits so long for somebody else to bring the schema up to date, instead of doing it. */
      awaitMigratedMs?: number;
      /** Of other processes, which are let through the doors once the schema is up to date. */
      logins?: readonly string[];
    }
  | { kind: "embedded"; directory: string }
  | { kind: "memory"; template?: Blob };

/**
 * Opens Postgres 15 or newer through a pool, or PGlite, and brings the schema up to date. Times and counts (int8)
 * come back as numbers while they are exact and as bigint above 2^53, numerics always as text, on both.
 */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  if (options.kind === "postgres") return openPostgres(options);
  const client = await (options.kind === "embedded" ? openEmbedded(options) : createPglite(options));
  if (!(options.kind === "memory" && options.template !== undefined)) await migratePglite(client);
  return {
    db: databaseOf(drizzlePglite({ client }), { slots: 1, timeouts: undefined }),
    embedded: true,
    mayChangeSchema: true,
    close: () => client.close(),
  };
}

/** PGlite with the extension and the number formats that the schema needs. Nothing is migrated yet. */
export async function createPglite(
  options: Extract<DatabaseOptions, { kind: "embedded" | "memory" }>,
): Promise<PGlite> {
  return PGlite.create({
    extensions: { btree_gist },
    parsers: { [pgliteTypes.INT8]: exactInt8, [pgliteTypes.NUMERIC]: (text: string) => text },
    ...(options.kind === "embedded" ? { dataDir: options.directory } : {}),
    ...(options.kind === "memory" && options.template !== undefined ? { loadDataDir: options.template } : {}),
  });
}

async function openEmbedded(options: Extract<DatabaseOptions, { kind: "embedded" }>): Promise<PGlite> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  try {
    return await createPglite(options);
  } catch (error) {
    // What the file system says has a code; all else comes from files that are no database any more.
    if (error instanceof Error && "code" in error) throw error;
    throw new Refusal(
      `${options.directory} cannot be opened as a database. Put it back from a backup, or remove the data directory to start afresh.`,
      { cause: error },
    );
  }
}

/** Of a process. */
const CONNECTIONS_MAX = 16;
/** For a connection. */
const WAIT_MS_MAX = 10_000;
/** Enough for the replicas of a data plane to come at once, and for a client's few batches. */
const WAITING_OF_ONE_MAX = 200;
const WAITING_MAX = 1_000;

/** A handle with its turns. Together the kinds of work may use more than there is, so that little lies idle. */
export function databaseOf(
  handle: object,
  { slots, timeouts }: { slots: number; timeouts: Database["timeouts"] },
): Database {
  const lane = (part: number, share: number): LaneRules => {
    const own = Math.max(1, Math.floor(slots * part));
    const waiting = { waitingOfOneMax: WAITING_OF_ONE_MAX, waitingMax: WAITING_MAX };
    return { slots: own, share: Math.max(1, Math.floor(own * share)), ...waiting };
  };
  const lanes = {
    requests: lane(3 / 8, 1 / 3),
    reports: lane(3 / 16, 1 / 3),
    dataPlanes: lane(5 / 16, 1 / 2),
    platform: lane(1 / 4, 1),
  };
  const turns = createTurns({ slots, lanes, waitMs: WAIT_MS_MAX });
  return Object.assign(handle, { turns, timeouts, work: "platform" }) as unknown as Database;
}

async function openPostgres({
  url,
  connectionsMax = CONNECTIONS_MAX,
  awaitMigratedMs,
  logins = [],
}: Extract<DatabaseOptions, { kind: "postgres" }>): Promise<OpenDatabase> {
  pg.types.setTypeParser(pg.types.builtins.INT8, exactInt8);
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 20_000,
    application_name: "headgate-control-plane",
  });
  // An idle connection that breaks is replaced by the next query; without a listener it would end the process.
  pool.on("error", () => undefined);
  try {
    if (awaitMigratedMs === undefined) await migrateNodePg(pool, logins);
    else await awaitMigrated(pool, { waitMs: awaitMigratedMs });
    return {
      db: databaseOf(drizzleNodePg({ client: pool }), { slots: connectionsMax, timeouts: TIMEOUTS }),
      embedded: false,
      mayChangeSchema: await mayChangeSchema(pool),
      close: () => pool.end(),
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

function exactInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
