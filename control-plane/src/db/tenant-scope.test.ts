import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createTestServer, type TestServer } from "../testing/create-test-server.ts";
import { createTestTenant, type TestTenant } from "../testing/create-test-tenant.ts";
import { readTenant } from "./tenant-scope.ts";

let server: TestServer;
let tenant: TestTenant;
beforeAll(async () => {
  server = await createTestServer();
  tenant = await createTestTenant(server);
});
afterAll(() => server[Symbol.asyncDispose]());

test("who only reads sees one tenant at one moment, and cannot write", async () => {
  const { db } = server.database;
  const { rows } = await readTenant(db, tenant.id, (tx) =>
    tx.execute(
      sql`select id, current_setting('transaction_isolation') as isolation, current_user as role from tenants`,
    ),
  );
  expect(rows).toEqual([{ id: tenant.id, isolation: "repeatable read", role: "headgate_app" }]);
  const writing = readTenant(db, tenant.id, (tx) => tx.execute(sql`update tenants set suspended = true`));
  await expect(writing).rejects.toMatchObject({ cause: { message: "SQLSTATE 25006" } });
});

test.for([
  ["usage.query", { from: 0, to: 60_000, group_by: [], granularity: "none" }, 200],
  ["invoices.preview", { period: "2026-11" }, 200],
  ["invoices.line_usage", { period: "2026-11", line_id: "0".repeat(32) }, 404],
] as const)("%s adds up what is of one moment", async ([path, input, status]) => {
  const transaction = vi.spyOn(server.database.db, "transaction");
  expect((await server.call(path, input, tenant.caller)).status).toBe(status);
  expect(transaction.mock.calls.at(-1)?.[1]).toMatchObject({ isolationLevel: "repeatable read" });
  transaction.mockRestore();
});
