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

const migrationsFolder = fileURLToPath(new URL("../../migrations", import.meta.url));

/** Any fixed number: it tells this lock from others in the same database. */
const MIGRATION_LOCK = 4_846_715;

export async function migratePglite(client: PGlite): Promise<void> {
  await runPglite(drizzlePglite({ client }), { migrationsFolder });
}

/** Applies what is missing; processes that start together take turns. */
export async function migrateNodePg(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await requireVersion(client);
    await client.query("SET statement_timeout = 0");
    await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await runNodePg(drizzleNodePg({ client }), { migrationsFolder });
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
          "The database's schema is not up to date, and this process does not change it: run `node dist/main.js migrate` first.",
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

/** By its time in the journal; 0 where nothing was ever applied. */
async function appliedMigration(client: pg.PoolClient): Promise<number> {
  const { rows: found } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS there",
  );
  if (found[0]?.there !== true) return 0;
  const { rows } = await client.query<{ at: string | number | null }>(
    "SELECT max(created_at) AS at FROM drizzle.__drizzle_migrations",
  );
  return Number(rows[0]?.at ?? 0);
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
