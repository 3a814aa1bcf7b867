import { apiKeyHandle, type Id } from "@headgate/sdk/contract";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../../testing/create-test-server.ts";
import { createFurnishedTenant, createTestTenant } from "../../testing/create-test-tenant.ts";

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Key {
  id: Id<"key">;
  handle: string;
  revoked_at: number | null;
}

interface Rotated {
  readonly key: Key;
  readonly secret: string;
  readonly replaced: Key;
}

async function agentOf(caller: { credential: string }): Promise<Id<"agent">> {
  return (await server.ok<{ id: Id<"agent"> }>("agents.create", { name: "agent" }, caller)).id;
}

test("a key is shown once, whole; afterwards only its handle and last four characters are", async () => {
  const { caller } = await createTestTenant(server);
  const agent_id = await agentOf(caller);
  const { key, secret } = await server.ok<{ key: Key; secret: string }>("keys.create", { agent_id }, caller);
  expect(apiKeyHandle(secret)).toBe(key.handle);
  const { body } = await server.call("keys.list", { agent_id }, caller);
  expect(body).toContain(secret.slice(-4));
  expect(body).not.toContain(secret.slice(17, 49));
});

test("an agent has at most two active keys; one that is revoked or expired makes room", async () => {
  const { caller } = await createTestTenant(server);
  const agent_id = await agentOf(caller);
  const create = (more = {}) => server.call("keys.create", { agent_id, ...more }, caller);
  const first = (await create()).data as { key: Key };
  await create({ expires_at: server.clock.wallMs() + 1_000 });
  expect((await create()).error?.code).toBe("api.conflict");
  await server.ok("keys.revoke", { key_id: first.key.id }, caller);
  expect((await create()).status).toBe(200);
  expect((await create()).error?.code).toBe("api.conflict");
  server.clock.advance(1_000);
  expect((await create()).status).toBe(200);
});

test("an admin key made by another opens the API, is audited, and takes no revision; five are the most", async () => {
  const { caller } = await createTestTenant(server);
  const create = () => server.call("keys.create_admin", { name: "deploys" }, caller);
  const before = await server.ok<{ revision: number }>("tenants.get", undefined, caller);
  const { key, secret } = (await create()).data as { key: Key & { kind: string }; secret: string };
  expect(key).toMatchObject({ kind: "admin", agent_id: null, name: "deploys" });
  expect(await server.ok("tenants.get", undefined, { credential: secret })).toEqual(before);
  const { body } = await server.call("audit.list", {}, caller);
  expect(body).toContain("keys.create_admin");
  expect(body).not.toContain(secret.slice(17, 49));
  for (let active = 2; active < 5; active += 1) expect((await create()).status).toBe(200);
  expect((await create()).error?.code).toBe("api.conflict");
  await server.ok("keys.revoke", { key_id: key.id }, caller);
  expect((await server.call("tenants.get", undefined, { credential: secret })).error?.code).toBe(
    "api.unauthenticated",
  );
  expect((await create()).status).toBe(200);
});

test("a rotated key stays good for the overlap and no longer than it was, and its successor is the agent's at once", async () => {
  const { caller } = await createTestTenant(server);
  const agent_id = await agentOf(caller);
  const now = server.clock.wallMs();
  const { key: first } = await server.ok<{ key: Key }>("keys.create", { agent_id, name: "worker" }, caller);
  const rotate = (key_id: string, more = {}) => server.call("keys.rotate", { key_id, ...more }, caller);
  const { key, secret, replaced } = (await rotate(first.id, { overlap_seconds: 60 })).data as Rotated;
  expect(apiKeyHandle(secret)).toBe(key.handle);
  expect(key).toMatchObject({ agent_id, name: "worker", expires_at: null, revoked_at: null });
  expect(replaced).toMatchObject({ id: first.id, expires_at: now + 60_000, revoked_at: null });
  expect(await server.ok("keys.get", { key_id: first.id }, caller)).toEqual(replaced);
  // Two are good now, so there is no room for a third until the overlap is over.
  expect((await rotate(key.id)).error?.code).toBe("api.conflict");
  server.clock.advance(60_000);
  expect((await rotate(first.id)).error?.message).toContain("good no more");
  const again = (await rotate(key.id, { overlap_seconds: 0, expires_at: now + 600_000 })).data as Rotated;
  expect(again.replaced).toMatchObject({ expires_at: server.clock.wallMs() });
  const last = (await rotate(again.key.id)).data as Rotated;
  expect(last.replaced).toMatchObject({ expires_at: now + 600_000 });
  const { body } = await server.call("audit.list", {}, caller);
  expect(body).toContain("keys.rotate");
  for (const made of [secret, again.secret, last.secret]) expect(body).not.toContain(made.slice(17, 49));
});

test("the only admin key is rotated without locking anybody out", async () => {
  const { caller } = await createTestTenant(server);
  const { items } = await server.ok<{ items: (Key & { kind: string })[] }>("keys.list", {}, caller);
  const admin = items.find(({ kind }) => kind === "admin");
  const input = { key_id: admin?.id, overlap_seconds: 0 };
  const { secret } = await server.ok<Rotated>("keys.rotate", input, caller);
  expect((await server.call("tenants.get", undefined, caller)).error?.message).toContain("has expired");
  expect((await server.call("tenants.get", undefined, { credential: secret })).status).toBe(200);
});

test("a key that would be expired already is refused", async () => {
  const { caller } = await createTestTenant(server);
  const agent_id = await agentOf(caller);
  const answer = await server.call("keys.create", { agent_id, expires_at: server.clock.wallMs() }, caller);
  expect(answer.error).toMatchObject({ code: "api.invalid_input", parameter: "expires_at" });
});

test("a key is deleted once it is revoked and not before, and is gone from the next snapshot", async () => {
  const tenant = await createFurnishedTenant(server);
  const input = { key_id: tenant.key };
  const refused = await server.call("keys.delete", input, tenant.caller);
  expect(refused.error?.code).toBe("api.conflict");
  const revoked = await server.ok("keys.revoke", input, tenant.caller);
  expect(await server.ok("keys.delete", input, tenant.caller)).toEqual(revoked);
  expect((await server.call("keys.get", input, tenant.caller)).error?.code).toBe("api.not_found");
  const { revision } = await server.ok<{ revision: number }>("tenants.get", undefined, tenant.caller);
  const { document } = await server.ok<{ document: { keys: object[] } }>(
    "snapshots.get",
    { revision },
    tenant.caller,
  );
  expect(document.keys).toEqual([]);
});

test("revoking twice keeps the first time, and the last admin key cannot be revoked", async () => {
  const tenant = await createFurnishedTenant(server);
  const revoke = (key_id: string) => server.call("keys.revoke", { key_id }, tenant.caller);
  const first = (await revoke(tenant.key)).data as Key;
  server.clock.advance(5);
  expect((await revoke(tenant.key)).data).toEqual(first);
  const { items } = await server.ok<{ items: (Key & { kind: string })[] }>("keys.list", {}, tenant.caller);
  const admin = items.find(({ kind }) => kind === "admin");
  expect((await revoke(admin?.id ?? "")).error?.code).toBe("api.conflict");
});

test("an admin key that is revoked or expired opens nothing", async () => {
  const { caller, id } = await createTestTenant(server);
  await server.ok("tenants.get", undefined, caller);
  for (const change of [sql`revoked_at = 1`, sql`revoked_at = null, expires_at = ${server.clock.wallMs()}`]) {
    await server.database.db.execute(sql`update keys set ${change} where tenant_id = ${id}`);
    expect((await server.call("tenants.get", undefined, caller)).error?.code).toBe("api.unauthenticated");
  }
});

test("no secret is in any table: not keys, credentials, peppers, data keys or private keys", async () => {
  const canary = "sk-canary-0123456789";
  const tenant = await createFurnishedTenant(server, { credential: canary });
  await server.ok(
    "providers.set_credential",
    { provider_id: tenant.provider, credential: `${canary}-2` },
    tenant.caller,
  );
  const { rows } = await server.database.db.execute<{ dump: string }>(sql`
    select string_agg(query_to_xml(format('select * from %I', tablename), true, false, '')::text, '') as dump
    from pg_tables where schemaname = 'public'`);
  const dump = rows[0]?.dump ?? "";
  expect(dump).toContain(tenant.provider);
  for (const secret of [
    canary,
    tenant.secret.slice(17, 49),
    tenant.caller.credential.slice(17, 49),
    '"d":',
  ]) {
    expect(dump).not.toContain(secret);
    expect(dump).not.toContain(Buffer.from(secret).toString("base64"));
    expect(dump).not.toContain(Buffer.from(secret).toString("hex"));
  }
});
