/** A backup by a login that only reads, and a control plane that goes on from it on an empty server. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@headgate/control-plane";
import { createFurnishedTenant, createTestServer, type TestServer } from "@headgate/control-plane/testing";
import { expect, test } from "vitest";
import { withDatabase } from "../../harness/database.ts";
import { INSTALLED_POSTGRES, runInstalled } from "../../harness/pg-dump.ts";
import { type PostgresServer, postgresUrl, startPostgres } from "../../harness/postgres.ts";
import { memberOf } from "./logins.ts";
import { onConnection, type Query } from "./platform.ts";
import { wallFaults } from "./wall-faults.ts";

const REPOSITORY = new URL("../../../", import.meta.url);
const DATABASE = "headgate";

test("a login with the role of backups reads every row of every table, and changes none", async () => {
  await using database = await withDatabase();
  const opened = await openDatabase({ kind: "postgres", url: database.url });
  await using server = await createTestServer({ db: opened.db }, opened);
  await createFurnishedTenant(server);
  await createFurnishedTenant(server);
  const reader = await memberOf(database, ["headgate_backup"], { inherits: true });
  const all = await onConnection(database.superuserUrl, contents);
  expect(await onConnection(reader, contents)).toEqual(all);
  expect(all["agents"]?.count).toBe(2);
  await onConnection(reader, async (query) => {
    for (const table of Object.keys(all))
      await expect(query(`DELETE FROM ${table}`), table).rejects.toMatchObject({ code: "42501" });
  });
});

test.skipIf(INSTALLED_POSTGRES === undefined)(
  "the steps of the backup page, by pg_dump and pg_restore, bring all to an empty server, where the control plane goes on",
  async () => {
    await using lost = await startPostgres({ installation: INSTALLED_POSTGRES ?? "" });
    await using empty = await startPostgres({ installation: INSTALLED_POSTGRES ?? "" });
    const steps = await stepsOf(new URL("control-plane/docs/backup.md", REPOSITORY));
    expect(steps).toHaveLength(4);
    const [login = "", dump = "", roles = "", restore = ""] = steps;
    const folder = mkdtempSync(join(tmpdir(), "hg-backup-"));
    try {
      await runSql(
        lost,
        "CREATE ROLE headgate LOGIN CREATEROLE;\nCREATE DATABASE headgate OWNER headgate;\n",
      );
      await using before = await controlPlane(lost);
      const tenant = await createFurnishedTenant(before);
      const listed = await before.ok("agents.list", {}, tenant.caller);
      await runSql(lost, login);
      await runInstalled(dump, { BACKUP_URL: postgresUrl(lost.directory, DATABASE, "nightly") }, folder);
      await runSql(empty, roles);
      await runInstalled(
        restore,
        { MIGRATIONS_URL: postgresUrl(empty.directory, DATABASE, "headgate") },
        folder,
      );

      const at = ({ directory }: PostgresServer) => postgresUrl(directory, DATABASE);
      const kept = await onConnection(at(lost), contents);
      expect(kept["agents"]?.count).toBe(1);
      expect(await onConnection(at(empty), contents)).toEqual(kept);
      expect(await onConnection(at(empty), wallFaults)).toEqual([]);
      await using after = await controlPlane(empty, before);
      expect(await after.ok("agents.list", {}, tenant.caller)).toEqual(listed);
      await after.ok("agents.create", { name: "made-after" }, tenant.caller);
      expect(await after.ok("audit.verify", {}, tenant.caller)).toMatchObject({ ok: true });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

/** What a page gives to be run, in its order. */
async function stepsOf(page: URL): Promise<string[]> {
  return Array.from(
    (await readFile(page, "utf8")).matchAll(/^```(?:sql|sh)\n(.*?)^```$/gms),
    ([, step]) => `${step}`,
  );
}

/** As the administrator; `\\connect` goes on in another database. */
async function runSql({ directory }: PostgresServer, statements: string): Promise<void> {
  const [first = "", ...others] = statements.split(/^\\connect (?=.)/m);
  for (const part of [`postgres\n${first}`, ...others]) {
    const [, database = "", sql = ""] = /^(\w+)\n(.*)$/s.exec(part) ?? [];
    await onConnection(postgresUrl(directory, database), async (query) => {
      for (const statement of sql.split(";\n").filter((text) => text.trim() !== "")) await query(statement);
    });
  }
}

/** On a server, with the keys of `like` where it shall read what that one has sealed. */
async function controlPlane({ directory }: PostgresServer, like?: TestServer): Promise<TestServer> {
  const url = postgresUrl(directory, DATABASE, "headgate");
  const opened = await openDatabase({ kind: "postgres", url });
  return createTestServer({ db: opened.db, ...(like && { keyWrapper: like.services.keyWrapper }) }, opened);
}

/** How many rows each table has, and the hash of all of them. */
async function contents(query: Query): Promise<Record<string, { count: number; hash: unknown }>> {
  const tables = await query(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
  );
  const found: Record<string, { count: number; hash: unknown }> = {};
  for (const { name } of tables) {
    const [row] = await query(
      `SELECT count(*) AS count, md5(string_agg(t::text, '|' ORDER BY t::text)) AS hash FROM ${name} AS t`,
    );
    found[String(name)] = { count: Number(row?.["count"]), hash: row?.["hash"] };
  }
  return found;
}
