/** Three logins: who migrates, the API and the worker, of which the last two change rows and never tables. */
import { openDatabase } from "@headgate/control-plane";
import { createFurnishedTenant, createTestServer } from "@headgate/control-plane/testing";
import { expect, test } from "vitest";
import { withDatabase } from "../../harness/database.ts";
import { memberOf } from "./logins.ts";
import { onConnection } from "./platform.ts";

const DENIED = { code: "42501" };

test("a login that was let through serves all that the API does, and can change no table and take on no other role", async () => {
  await using database = await withDatabase();
  const url = await memberOf(database, []);
  const name = new URL(url).username;
  const behind = () => openDatabase({ kind: "postgres", url, awaitMigratedMs: 0 });
  await expect(behind()).rejects.toThrow("HEADGATE_DATABASE_LOGINS");
  const migrated = await openDatabase({ kind: "postgres", url: database.url, logins: [name] });
  expect(migrated.mayChangeSchema).toBe(true);
  await migrated.close();

  const opened = await behind();
  expect(opened.mayChangeSchema).toBe(false);
  await using server = await createTestServer({ db: opened.db }, opened);
  const tenant = await createFurnishedTenant(server);
  expect(await server.ok("agents.list", {}, tenant.caller)).toMatchObject({ items: [{ id: tenant.agent }] });
  await onConnection(url, async (query) => {
    for (const statement of [
      "ALTER TABLE agents ADD COLUMN more text",
      "ALTER TABLE agents DISABLE ROW LEVEL SECURITY",
      "CREATE TABLE mine ()",
      "DROP TABLE agents",
      "CREATE ROLE another",
      "SET ROLE headgate_owner",
      "SET ROLE headgate_backup",
      "SELECT 1 FROM agents",
      "DELETE FROM drizzle.__drizzle_migrations",
    ])
      await expect(query(statement), statement).rejects.toMatchObject(DENIED);
  });
});

test("a login that does not exist is named when it is to be let through", async () => {
  await using database = await withDatabase();
  const opening = openDatabase({ kind: "postgres", url: database.url, logins: ['no "such'] });
  await expect(opening).rejects.toThrow('HEADGATE_DATABASE_LOGINS: no "such cannot be let through: ');
});
