import { existsSync } from "node:fs";
import pg from "pg";
import { expect, test } from "vitest";
import { withDatabase } from "./database.ts";
import { postgresUrl, startPostgres } from "./postgres.ts";

test("a durable server killed in the middle comes back with what was committed", async () => {
  await using server = await startPostgres({ durable: true });
  const connect = async () => {
    const client = new pg.Client({ connectionString: postgresUrl(server.directory, "postgres") });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  const before = await connect();
  await before.query("CREATE TABLE kept AS SELECT 42 AS answer");
  await server.kill();
  await server.start();
  const after = await connect();
  expect((await after.query("SELECT answer FROM kept")).rows).toEqual([{ answer: 42 }]);
  await after.end();
  await server[Symbol.asyncDispose]();
  expect(existsSync(server.directory)).toBe(false);
});

test("databases of the template are migrated, apart from each other, and owned by an ordinary role", async () => {
  await using one = await withDatabase();
  await using two = await withDatabase();
  await one.query("CREATE TABLE only_here ()");
  const tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
  const names = (await two.query(tables)).map((row) => row["table_name"]);
  expect(names).toContain("tenants");
  expect(names).not.toContain("only_here");

  const client = new pg.Client({ connectionString: two.url });
  await client.connect();
  const { rows } = await client.query(
    "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user",
  );
  await client.end();
  expect(rows).toEqual([{ rolsuper: false, rolbypassrls: false }]);
});
