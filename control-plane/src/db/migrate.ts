import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { PGlite } from "@electric-sql/pglite";
import { drizzle as drizzleNodePg } from "drizzle-orm/node-postgres";
import { migrate as runNodePg } from "drizzle-orm/node-postgres/migrator";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { migrate as runPglite } from "drizzle-orm/pglite/migrator";
import type pg from "pg";
import { z } from "zod";
import { Refusal } from "../lib/refusal.ts";
import { letThrough, OPEN_TO_BACKUP } from "./logins.ts";

const migrationsFolder = fileURLToPath(new URL("../../migrations", import.meta.url));

/** Any fixed number: it tells this lock from others in the same database. */
const MIGRATION_LOCK = 4_846_715;

export async function migratePglite(client: PGlite): Promise<void> {
  await runPglite(drizzlePglite({ client }), { migrationsFolder });
  await client.exec(OPEN_TO_BACKUP);
}

/** Applies what is missing, and lets the logins through; processes that start together take turns. */
export async function migrateNodePg(pool: pg.Pool, logins: readonly string[]): Promise<void> {
  const client = await pool.connect();
  try {
    await requireVersion(client);
    await client.query("SET statement_timeout = 0");
    await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await runNodePg(drizzleNodePg({ client }), { migrationsFolder });
    await client.query(OPEN_TO_BACKUP);
    await letThrough(client, logins);
  } finally {
    // Closing the connection frees the lock and forgets the settings.
    client.release(true);
  }
}

/**
 * Waits until somebody else has brought the schema up to date, as a job does that runs before. Throws a `Refusal` when
 * that has not happened in time. A schema of a newer version is taken as it is: its changes keep older processes going.
 */
export async function awaitMigrated(pool: pg.Pool, { waitMs }: { waitMs: number }): Promise<void> {
  const wanted = await newestMigration();
  const until = performance.now() + waitMs;
  const client = await pool.connect();
  try {
    await requireVersion(client);
    for (;;) {
      if ((await appliedMigration(client)) >= wanted) return;
      if (performance.now() >= until)
        throw new Refusal(
          "The database's schema is not up to date, or this login was not let through, and this process changes neither: run `node dist/main.js migrate` first, with HEADGATE_DATABASE_LOGINS.",
        );
      await delay(500);
    }
  } finally {
    client.release();
  }
}

const journal = z.object({ entries: z.array(z.object({ when: z.number() })).min(1) });

async function newestMigration(): Promise<number> {
  const { entries } = journal.parse(
    JSON.parse(await readFile(`${migrationsFolder}/meta/_journal.json`, "utf8")),
  );
  return Math.max(...entries.map(({ when }) => when));
}

/** Of a login that was not let through yet, or has no schema to look at. */
const NOT_YET = ["22023", "42501", "42704", "42P01", "3F000"];

/** By its time in the journal; 0 where nothing was ever applied, or not yet for this login. */
async function appliedMigration(client: pg.PoolClient): Promise<number> {
  try {
    await client.query("SET ROLE headgate_platform");
    const { rows } = await client.query<{ at: string | number | null }>(
      "SELECT max(created_at) AS at FROM drizzle.__drizzle_migrations",
    );
    return Number(rows[0]?.at ?? 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && NOT_YET.includes(String(error.code))) return 0;
    throw error;
  } finally {
    await client.query("RESET ROLE");
  }
}

/** Older ones lack what the schema is written in. */
const VERSION_MIN = 15;

async function requireVersion(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ version: string }>(
    "SELECT current_setting('server_version_num') AS version",
  );
  const version = Math.floor(Number(rows[0]?.version) / 10_000);
  if (version < VERSION_MIN)
    throw new Refusal(
      `DATABASE_URL: the database is Postgres ${version}; ${VERSION_MIN} or newer is needed.`,
    );
}
