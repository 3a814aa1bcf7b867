/**
 * The two doors to the database. `withTenant` sees one tenant's rows and nothing else, by row-level security;
 * `withPlatform` sees the few tables that are read before a tenant is known, and the platform's own. A transaction
 * that neither door opened has no type that a repository accepts.
 */
import { type Id, isId } from "@headgate/sdk/contract";
import { type ExtractTablesWithRelations, sql } from "drizzle-orm";
import type { PgTransaction, PgTransactionConfig } from "drizzle-orm/pg-core";
import type { Database, QueryResultHKT, Timeouts } from "./client.ts";
import { faultFromDatabase, isTransient } from "./database-error.ts";

type NoSchema = Record<string, never>;
type Transaction = PgTransaction<QueryResultHKT, NoSchema, ExtractTablesWithRelations<NoSchema>>;
declare const scope: unique symbol;

/** A transaction that sees one tenant's rows. */
export type TenantTx = Transaction & { readonly [scope]: "tenant" };

/**
 * A transaction that sees tenants, data planes with their replicas, stacks and operations, key handles, join tokens,
 * regions, releases, prices and signing keys; what it may change of them is up to the grants.
 */
export type PlatformTx = Transaction & { readonly [scope]: "platform" };

const ATTEMPTS_MAX = 5;

/**
 * Runs `run` in one transaction bound to the tenant. It runs again after a deadlock or a serialisation failure, so it
 * must change nothing but the database. Other handles must not be used inside: PGlite has one connection.
 * Throws a `Fault`; database errors are mapped and never carry SQL.
 */
export async function withTenant<T>(
  db: Database,
  tenantId: Id<"tenant">,
  run: (tx: TenantTx) => Promise<T>,
): Promise<T> {
  const turn = { work: db.work, who: tenantId };
  return inTransaction(db, turn, (tx, bounds) => asTenant(tx, tenantId, run, bounds));
}

/**
 * As `withTenant`, for what only reads, and much: all of it is seen as it was at one moment, and writing fails. What is
 * asked for takes turns with its like alone.
 */
export async function readTenant<T>(
  db: Database,
  tenantId: Id<"tenant">,
  run: (tx: TenantTx) => Promise<T>,
): Promise<T> {
  const config = { isolationLevel: "repeatable read", accessMode: "read only" } as const;
  const turn = { work: db.work === "requests" ? "reports" : db.work, who: tenantId } as const;
  return inTransaction(db, turn, (tx, bounds) => asTenant(tx, tenantId, run, bounds), config);
}

/** As `withTenant`, for the tables of the platform. */
export async function withPlatform<T>(db: Database, run: (tx: PlatformTx) => Promise<T>): Promise<T> {
  return inTransaction(db, { work: db.work, who: PLATFORM }, async (tx, bounds) => {
    await assume(tx, "headgate_platform", "", bounds);
    return run(tx as PlatformTx);
  });
}

/** Whose turn it is where no tenant is known. */
const PLATFORM = "platform";
/** Whoever asks for health waits for nobody who does the platform's work. */
const HEALTH = "health";

/** Steps from the platform's door through one tenant's, within the same transaction, and back. */
export async function enterTenant<T>(
  tx: PlatformTx,
  tenantId: Id<"tenant">,
  run: (tx: TenantTx) => Promise<T>,
): Promise<T> {
  const result = await asTenant(tx, tenantId, run);
  await assume(tx, "headgate_platform", "");
  return result;
}

async function asTenant<T>(
  tx: Transaction,
  tenantId: Id<"tenant">,
  run: (tx: TenantTx) => Promise<T>,
  bounds?: Timeouts,
): Promise<T> {
  await assume(tx, "headgate_app", tenantId, bounds);
  return run(tx as TenantTx);
}

/** Rejects while the database does not answer. */
export async function ping(db: Database): Promise<void> {
  await inTransaction(db, { work: "platform", who: HEALTH }, (tx) => tx.execute(sql`select 1`));
}

/**
 * Local to the transaction: a setting of the session would greet the next user of a pooled connection. With `bounds` no
 * statement after this one holds its connection, and what it has locked, for longer.
 */
async function assume(
  tx: Transaction,
  role: "headgate_app" | "headgate_platform",
  tenantId: string,
  bounds?: Timeouts,
): Promise<void> {
  if (role === "headgate_app" && !isId("tenant", tenantId)) throw new TypeError("not a tenant's id");
  const settings = { role, "app.tenant_id": tenantId, ...bounds };
  const set = Object.entries(settings).map(([name, value]) => sql`set_config(${name}, ${`${value}`}, true)`);
  await tx.execute(sql`select ${sql.join(set, sql`, `)}`);
}

interface Turn {
  readonly work: Parameters<Database["turns"]["take"]>[0];
  readonly who: string;
}

async function inTransaction<T>(
  db: Database,
  { work, who }: Turn,
  run: (tx: Transaction, bounds: Timeouts | undefined) => Promise<T>,
  config?: PgTransactionConfig,
): Promise<T> {
  const bounds = db.timeouts?.[work];
  const end = await db.turns.take(work, who);
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await db.transaction((tx) => run(tx, bounds), config);
      } catch (error) {
        if (attempt < ATTEMPTS_MAX && isTransient(error)) continue;
        throw faultFromDatabase(error);
      }
    }
  } finally {
    end();
  }
}
