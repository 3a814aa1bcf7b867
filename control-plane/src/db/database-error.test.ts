import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../testing/create-test-server.ts";
import { createFurnishedTenant, type FurnishedTenant } from "../testing/create-test-tenant.ts";
import { databaseOf } from "./client.ts";
import { withPlatform, withTenant } from "./tenant-scope.ts";

let server: TestServer;
let tenant: FurnishedTenant;
beforeAll(async () => {
  server = await createTestServer();
  tenant = await createFurnishedTenant(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const UNSTORABLE = ["a\0b", "\ud800"];

test.for(UNSTORABLE)(
  "text that cannot be stored (%j) is the caller's mistake, wherever it is",
  async (text) => {
    const operator = { credential: server.operatorToken };
    const { agent, rule, provider, caller } = tenant;
    const tenantInput = { idempotency_key: "other", name: "other", plan: "team", region: "local" };
    for (const [path, input, who] of [
      ["tenants.create", { ...tenantInput, idempotency_key: text }, operator],
      ["tenants.create", { ...tenantInput, display_name: text }, operator],
      ["agents.update", { agent_id: agent, labels: { team: text } }, caller],
      ["agents.update", { agent_id: agent, capabilities: [text] }, caller],
      ["keys.create", { agent_id: agent, name: text }, caller],
      ["keys.create_admin", { name: text }, caller],
      ["rules.update", { rule_id: rule, condition: `agent.name == "${text}"` }, caller],
      ["providers.update", { provider_id: provider, base_url: `https://example.com/${text}` }, caller],
      ["providers.update", { provider_id: provider, allowed_cidrs: [text] }, caller],
      [
        "limits.create",
        { name: "l", metric: "concurrency", max: 1, match: { labels: { team: [text] } } },
        caller,
      ],
    ] as const) {
      const { status, error } = await server.call(path, input, who);
      expect([path, status, error?.code, error?.retryable]).toEqual([path, 400, "api.invalid_input", false]);
    }
  },
);

test.for([
  sql`select ${"a\0b"}::text`,
  sql`select ${JSON.stringify(["\ud800"])}::jsonb`,
  sql`select ${"x"}::int`,
])("a value that the database takes for malformed is an invalid input", async (statement) => {
  await expect(
    withTenant(server.database.db, tenant.id, (tx) => tx.execute(statement)),
  ).rejects.toMatchObject({
    code: "api.invalid_input",
  });
});

test("a database that cannot be reached, does not answer or hangs up is unavailable", async () => {
  const [silent, rude] = [createServer(), createServer((socket) => socket.destroy())];
  const ports = [];
  for (const listening of [silent, rude]) {
    listening.listen(0, "127.0.0.1");
    await once(listening, "listening");
    ports.push((listening.address() as AddressInfo).port);
  }
  for (const port of [...ports, 1]) {
    const pool = new pg.Pool({ host: "127.0.0.1", port, connectionTimeoutMillis: 50 });
    const db = databaseOf(drizzle({ client: pool }), { slots: 1, timeouts: undefined });
    await expect(withPlatform(db, (tx) => tx.execute(sql`select 1`))).rejects.toMatchObject({
      code: "api.unavailable",
    });
    await pool.end();
  }
  silent.close();
  rude.close();
});
