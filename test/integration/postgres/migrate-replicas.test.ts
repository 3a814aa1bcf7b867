/** Databases from before there were replicas: what had joined stays joined, whoever runs the migration. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDatabase } from "@headgate/control-plane";
import { makeHeartbeat, makeId } from "@headgate/sdk/testing";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";
import { expect, test } from "vitest";
import { type TestDatabase, withDatabase } from "../../harness/database.ts";

/** The last migration before replicas. */
const LAST_BEFORE = "0004_forget_snapshots";
const SIGNING_KEY = { kty: "OKP", crv: "Ed25519", x: "a".repeat(43) };
const ENCRYPTION_KEY = { kty: "OKP", crv: "X25519", x: "b".repeat(43) };

test.for([
  ["the owner of the database, whom forced row-level security binds", ({ url }: TestDatabase) => url],
  ["a superuser", ({ superuserUrl }: TestDatabase) => superuserUrl],
] as const)("migrated by %s, a data plane that had joined is its own one replica", async ([, login]) => {
  await using database = await withDatabase();
  await emptied(database);
  await migrateUpTo(LAST_BEFORE, login(database));
  const [tenantId, joined, waiting] = [makeId("tenant"), makeId("dataPlane"), makeId("dataPlane")];
  const heartbeat = makeHeartbeat({ version: "0.1.0", head_seq: 9, acked_seq: 7 });
  await database.query(
    `INSERT INTO tenants (id, name, display_name, plan, region, settings, revision, data_key, key_pepper,
       idempotency_key, input_hash, created_at)
     VALUES ($1, 'old', 'Old', 'team', 'local', '{}', 3, '', '', 'k', 'h', 1)`,
    [tenantId],
  );
  await database.query(
    `INSERT INTO data_planes (tenant_id, id, region, driver, spec, created_at, signing_key, encryption_key,
       joined_at, applied_revision, last_heartbeat, last_heartbeat_at)
     VALUES ($1, $2, 'local', 'local', '{}', 1, $4, $5, 5, 3, $6, 6),
       ($1, $3, 'local', 'local', '{}', 1, NULL, NULL, NULL, 0, NULL, NULL)`,
    [tenantId, joined, waiting, SIGNING_KEY, ENCRYPTION_KEY, heartbeat],
  );
  await database.query(
    `INSERT INTO snapshots (tenant_id, revision, document, sha256, created_at) VALUES ($1, 3, '{}', '', 1)`,
    [tenantId],
  );
  await database.query(
    `INSERT INTO snapshot_deliveries (tenant_id, revision, data_plane_id, body, signature, key_id, created_at)
     VALUES ($1, 3, $2, '{}', '', 'k', 1)`,
    [tenantId, joined],
  );
  await database.query(
    "INSERT INTO assertion_ids (tenant_id, data_plane_id, jti, expires_at) VALUES ($1, $2, 'j', 9)",
    [tenantId, joined],
  );

  const opened = await openDatabase({ kind: "postgres", url: login(database) });
  await opened.close();
  expect(await database.query("SELECT * FROM data_plane_replicas")).toMatchObject([
    {
      tenant_id: tenantId,
      id: `rpl_${joined.slice(4)}`,
      data_plane_id: joined,
      signing_key: SIGNING_KEY,
      encryption_key: ENCRYPTION_KEY,
      version: "0.1.0",
      joined_at: 5,
      applied_revision: 3,
      last_heartbeat: heartbeat,
      last_heartbeat_at: 6,
      pod: null,
    },
  ]);
  for (const table of ["snapshot_deliveries", "assertion_ids"])
    expect([table, await database.query(`SELECT * FROM ${table}`)]).toEqual([table, []]);
  const unforced = await database.query(
    `SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity`,
  );
  expect(unforced).toEqual([]);
});

/** Takes all that the template brought away again. */
async function emptied(database: TestDatabase): Promise<void> {
  await database.query("DROP SCHEMA public CASCADE");
  await database.query("DROP SCHEMA drizzle CASCADE");
  await database.query("CREATE SCHEMA public AUTHORIZATION pg_database_owner");
}

async function migrateUpTo(last: string, url: string): Promise<void> {
  const all = join(dirname(fileURLToPath(import.meta.resolve("@headgate/control-plane"))), "../migrations");
  const migrationsFolder = await mkdtemp(join(tmpdir(), "headgate-migrations-"));
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    await cp(all, migrationsFolder, { recursive: true });
    const path = join(migrationsFolder, "meta", "_journal.json");
    const journal = JSON.parse(await readFile(path, "utf8")) as { entries: { tag: string }[] };
    const end = journal.entries.findIndex(({ tag }) => tag === last);
    await writeFile(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, end + 1) }));
    await migrate(drizzle({ client: pool }), { migrationsFolder });
  } finally {
    await pool.end();
    await rm(migrationsFolder, { recursive: true });
  }
}
