import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../testing/create-test-server.ts";
import { createFurnishedTenant, type FurnishedTenant } from "../testing/create-test-tenant.ts";

let server: TestServer;
let tenant: FurnishedTenant;
beforeAll(async () => {
  server = await createTestServer();
  tenant = await createFurnishedTenant(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const call = (path: string, input: unknown) => server.call(path, input, tenant.caller);
const ok = <T>(path: string, input: unknown) => server.ok<T>(path, input, tenant.caller);

interface Resource {
  id: string;
  name: string;
  revision: number;
}
const revisionOfTenant = async () => (await ok<{ revision: number }>("tenants.get", undefined)).revision;

const RENAMED: [plural: string, member: string, idOf: (t: FurnishedTenant) => string][] = [
  ["agents", "agent_id", (t) => t.agent],
  ["keys", "key_id", (t) => t.key],
  ["providers", "provider_id", (t) => t.provider],
  ["models", "model_id", (t) => t.model],
  ["rules", "rule_id", (t) => t.rule],
  ["limits", "limit_id", (t) => t.limit],
  ["budgets", "budget_id", (t) => t.budget],
];

test.for(RENAMED)("%s are renamed at the revision that was read, and not at an older one", async (row) => {
  const [plural, member, idOf] = row;
  const target = { [member]: idOf(tenant) };
  const before = await ok<Resource>(`${plural}.get`, target);
  const rename = (name: string) =>
    call(`${plural}.update`, { ...target, name, expected_revision: before.revision });
  // A rule's answer says more when it is saved.
  const { warnings: _, ...renamed } = (await rename("renamed")).data as Resource & { warnings?: unknown };
  expect(renamed).toEqual({ ...before, name: "renamed", revision: await revisionOfTenant() });
  const late = await rename("too-late");
  expect([late.status, late.error?.code, late.error?.parameter]).toEqual([
    412,
    "api.precondition_failed",
    "expected_revision",
  ]);
  expect(late.error?.message).toContain(`Its revision is ${renamed.revision}.`);
  expect(await ok(`${plural}.get`, target)).toEqual(renamed);
  expect(await revisionOfTenant()).toBe(renamed.revision);
});

test.for([
  ["agents.disable", (t) => ({ agent_id: t.agent })],
  ["agents.enable", (t) => ({ agent_id: t.agent })],
  ["agents.delete", (t) => ({ agent_id: t.agent })],
  ["keys.rotate", (t) => ({ key_id: t.key })],
  ["keys.revoke", (t) => ({ key_id: t.key })],
  ["keys.delete", (t) => ({ key_id: t.key })],
  ["providers.set_credential", (t) => ({ provider_id: t.provider, credential: "sk" })],
  ["providers.delete", (t) => ({ provider_id: t.provider })],
  ["models.delete", (t) => ({ model_id: t.model })],
  ["routes.put", (t) => ({ model_id: t.model, targets: [{ provider_id: t.provider, upstream_model: "m" }] })],
  ["routes.delete", (t) => ({ model_id: t.model })],
  ["rules.delete", (t) => ({ rule_id: t.rule })],
  ["limits.delete", (t) => ({ limit_id: t.limit })],
  ["budgets.delete", (t) => ({ budget_id: t.budget })],
] as [string, (t: FurnishedTenant) => object][])("%s leaves alone what was changed since", async (row) => {
  const [path, inputOf] = row;
  const { error } = await call(path, { ...inputOf(tenant), expected_revision: 1 });
  expect(error?.code).toBe("api.precondition_failed");
});

test.for(["agents", "providers", "models", "rules", "limits", "budgets"])(
  "no two %s have one name, and a rename does not get around it",
  async (plural) => {
    const [, member, idOf] = RENAMED.find(([name]) => name === plural) ?? RENAMED[0] ?? [];
    const inputs: Record<string, object> = {
      providers: { dialect: "openai", vendor: "v", base_url: "https://x.example.com" },
      models: { kind: "chat", context_tokens_max: 1, output_tokens_max: 1 },
      rules: { effect: "deny", condition: "false" },
      limits: { metric: "concurrency", max: 1 },
      budgets: { unit: "tokens", max: "1", window: "day" },
    };
    const input = { ...inputs[plural], name: "taken" };
    await ok(`${plural}.create`, input);
    const target = member === undefined ? {} : { [member]: idOf?.(tenant) };
    for (const answer of [
      await call(`${plural}.create`, input),
      await call(`${plural}.update`, { ...target, name: "taken" }),
    ])
      expect(answer.error).toMatchObject({ code: "api.conflict", parameter: "name" });
    expect((await call(`${plural}.update`, target)).error?.code).toBe("api.invalid_input");
  },
);

const documentOf = async () =>
  (
    await ok<{ document: { keys: object[]; limits: object[]; budgets: object[]; models: object[] } }>(
      "snapshots.get",
      { revision: await revisionOfTenant() },
    )
  ).document;

test("a model that is renamed keeps its route, and the limits and budgets that name it hold on", async () => {
  const models = ["first", "second"];
  for (const name of models)
    await ok("models.create", { name, kind: "chat", context_tokens_max: 9, output_tokens_max: 9 });
  const { items } = await ok<{ items: Resource[] }>("models.list", {});
  const first = items.find(({ name }) => name === "first");
  const targets = [{ provider_id: tenant.provider, upstream_model: "m" }];
  const route = await ok<Resource>("routes.put", { model_id: first?.id, targets });
  const limit = await ok<Resource>("limits.create", {
    name: "of-both",
    metric: "concurrency",
    max: 1,
    match: { models },
  });
  const budget = await ok<Resource>("budgets.create", {
    name: "of-one",
    unit: "tokens",
    max: "1",
    window: "day",
    match: { models: ["first"] },
  });
  await ok("models.update", { model_id: first?.id, name: "renamed-model" });
  const revision = await revisionOfTenant();
  const both = await ok<{ match: { models: string[] } }>("limits.get", { limit_id: limit.id });
  expect(both).toMatchObject({ ...limit, revision, match: { models: expect.any(Array) } });
  expect(both.match.models.toSorted()).toEqual(["renamed-model", "second"]);
  expect(await ok("budgets.get", { budget_id: budget.id })).toMatchObject({
    revision,
    match: { models: ["renamed-model"] },
  });
  expect(await ok("routes.get", { model_id: first?.id })).toEqual(route);
  expect(JSON.stringify(await documentOf())).not.toContain('"first"');
});

test.for([
  ["models", "model", `model.name == "NAME"`],
  ["agents", "agent", `agent.name in ['other', 'NAME']`],
])("of %s, one whose name a rule says is not renamed, and the answer names the rule", async (row) => {
  const [plural, kind, condition] = row as [string, "model" | "agent", string];
  const target = { [`${kind}_id`]: tenant[kind] };
  const { name } = await ok<Resource>(`${plural}.get`, target);
  const rule = await ok<Resource>("rules.create", {
    name: `says-${kind}`,
    effect: "deny",
    condition: condition.replace("NAME", name),
  });
  const { error } = await call(`${plural}.update`, { ...target, name: "another" });
  expect(error?.code).toBe("api.conflict");
  expect(error?.message).toContain(rule.id);
  await ok(`${plural}.update`, { ...target, name });
  await ok("rules.delete", { rule_id: rule.id });
  await ok(`${plural}.update`, { ...target, name: "another" });
});

test("an agent that a limit or budget names is not deleted; without those it goes, and its keys with it", async () => {
  const agent = await ok<Resource>("agents.create", { name: "leaving" });
  const { key } = await ok<{ key: Resource & { handle: string } }>("keys.create", { agent_id: agent.id });
  const match = { agent_ids: [tenant.agent, agent.id] };
  const limit = await ok<Resource>("limits.create", { name: "on-it", metric: "concurrency", max: 1, match });
  const budget = await ok<Resource>("budgets.create", {
    name: "on-it",
    unit: "tokens",
    max: "1",
    window: "day",
    match,
  });
  const { error } = await call("agents.delete", { agent_id: agent.id });
  expect(error?.code).toBe("api.conflict");
  expect(error?.message).toContain(`It is used by ${limit.id}, ${budget.id}.`);
  await ok("limits.delete", { limit_id: limit.id });
  await ok("budgets.update", { budget_id: budget.id, match: {} });
  expect(await ok("agents.delete", { agent_id: agent.id })).toEqual(agent);
  expect((await call("agents.get", { agent_id: agent.id })).error?.code).toBe("api.not_found");
  expect((await call("keys.get", { key_id: key.id })).error?.code).toBe("api.not_found");
  expect(JSON.stringify(await documentOf())).not.toContain(key.id);
  const handles = await server.database.db.execute(
    sql`select * from key_handles where handle = ${key.handle}`,
  );
  expect(handles.rows).toEqual([]);
});

test("of rules that are put in another order, those that moved have changed", async () => {
  const made: Resource[] = [];
  for (const name of ["a", "b", "c"])
    made.push(await ok<Resource>("rules.create", { name, effect: "deny", condition: "false" }));
  await ok("rules.delete", { rule_id: made[0]?.id });
  const { items } = await ok<{ items: Resource[] }>("rules.list", undefined);
  const [last, beforeLast] = items.toReversed();
  const order = [...items.slice(0, -2), last, beforeLast].map((rule) => rule?.id);
  const after = await ok<{ items: Resource[] }>("rules.reorder", { rule_ids: order });
  expect(after.items.map(({ id }) => id)).toEqual(order);
  const revision = await revisionOfTenant();
  expect(after.items.filter((rule) => rule.revision === revision).map(({ id }) => id)).toEqual(
    order.slice(-2),
  );
});

test("what the audit log says of a change is what is shown of it", async () => {
  const agent = await ok<Resource>("agents.create", { name: "audited", labels: { team: "t" } });
  await ok("agents.update", { agent_id: agent.id, capabilities: ["x"], expected_revision: agent.revision });
  await ok("providers.set_credential", { provider_id: tenant.provider, credential: "sk-in-no-log" });
  const { items } = await ok<{ items: { action: string; detail: object }[] }>("audit.list", { limit: 3 });
  expect(items.map(({ action, detail }) => [action, detail])).toEqual([
    ["providers.set_credential", { secret_version: 2, revision: agent.revision + 2 }],
    ["agents.update", { capabilities: ["x"], revision: agent.revision + 1 }],
    [
      "agents.create",
      { name: "audited", labels: { team: "t" }, capabilities: [], disabled: false, revision: agent.revision },
    ],
  ]);
});

test("a row that must not be shown as it is makes the answer a failure of the service, not of the input", async () => {
  const agent = await ok<Resource>("agents.create", { name: "broken" });
  await server.database.db.execute(sql`update agents set capabilities = '[5]' where id = ${agent.id}`);
  const { status, error, body } = await call("agents.get", { agent_id: agent.id });
  expect([status, error?.code]).toEqual([500, "api.internal"]);
  expect(body).not.toContain("capabilities");
});
