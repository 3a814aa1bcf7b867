import { fileURLToPath } from "node:url";
import type { PGlite } from "@electric-sql/pglite";
import { drizzle as drizzleNodePg } from "drizzle-orm/node-postgres";
import { migrate as runNodePg } from "drizzle-orm/node-postgres/migrator";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { migrate as runPglite } from "drizzle-orm/pglite/migrator";
import type pg from "pg";
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
