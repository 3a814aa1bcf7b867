import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../../testing/create-test-server.ts";
import {
  createFurnishedTenant,
  createTestTenant,
  type TestTenant,
} from "../../testing/create-test-tenant.ts";

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Saved {
  readonly id: string;
  readonly warnings: readonly string[];
}

async function makeTenant() {
  const tenant: TestTenant = await createTestTenant(server);
  let count = 0;
  return {
    tenant,
    create: (effect: string, condition: string, name = `rule-${++count}`) =>
      server.ok<Saved>("rules.create", { name, effect, condition }, tenant.caller),
    ask: (path: string, input: unknown) => server.call(path, input, tenant.caller),
  };
}

const FIRST_ALLOW = expect.stringMatching(/^From now on a call that no allow rule allows is refused/);

test("the first rule that allows comes with a warning, be it made or made of another, and the next with none", async () => {
  const { tenant, create } = await makeTenant();
  const deny = await create("deny", "false");
  expect(deny.warnings).toEqual([]);
  const update = { rule_id: deny.id, effect: "allow" };
  expect((await server.ok<Saved>("rules.update", update, tenant.caller)).warnings).toEqual([FIRST_ALLOW]);
  expect((await server.ok<Saved>("rules.update", update, tenant.caller)).warnings).toEqual([]);
  expect((await create("allow", "true")).warnings).toEqual([]);
  const other = await makeTenant();
  expect((await other.create("allow", "true")).warnings).toEqual([FIRST_ALLOW]);
});

test("a condition that fails for calls without a label is saved with a warning, one that fails for all is refused", async () => {
  const { create, ask } = await makeTenant();
  expect((await create("deny", "agent.labels.team == 'x'")).warnings).toEqual([
    expect.stringMatching(/For some calls.*`team` is absent \(line 1, column 14\)$/),
  ]);
  const refused = await ask("rules.create", {
    name: "typo",
    effect: "require",
    condition: "agent.team == 'x'",
  });
  expect(refused.error).toMatchObject({
    code: "api.invalid_input",
    parameter: "condition",
    message: expect.stringContaining(
      "`agent.team` is not known; did you mean `agent.labels.team`? (line 1, column 7)",
    ),
  });
});

test("a small condition that would run for minutes is refused, and other calls are answered meanwhile", async () => {
  const { ask } = await makeTenant();
  const items = `[${Array.from({ length: 60 }, (_, index) => index).join(",")}]`;
  const condition = `${items}.all(a, ${items}.all(b, '${"ab".repeat(300)}'.matches('[ab]*a[ab]{300}[cd]')))`;
  const order: string[] = [];
  const attack = ask("rules.create", { name: "slow", effect: "deny", condition }).then((answer) => {
    order.push("attack");
    return answer;
  });
  const other = await ask("rules.list", undefined);
  order.push("other");
  expect(other.status).toBe(200);
  expect((await attack).error?.message).toMatch(/steps.*\(line 1, column 1\)$/);
  expect(order).toEqual(["other", "attack"]);
});

test("rules that together could hold up a call are not saved, and what is taken out makes room", async () => {
  const { tenant, create, ask } = await makeTenant();
  const condition = "agent.capabilities.exists(c, c.matches('^[a-z]{1,10}$'))";
  const made: Saved[] = [];
  let refused: Awaited<ReturnType<typeof ask>> | undefined;
  while (refused === undefined && made.length < 100) {
    const answer = await ask("rules.create", { name: `heavy-${made.length}`, effect: "deny", condition });
    if (answer.error === undefined) made.push(answer.data as Saved);
    else refused = answer;
  }
  expect(refused?.error).toMatchObject({
    parameter: "condition",
    message: expect.stringMatching(/steps and the other rules \d+; at most 500000 are allowed together/),
  });
  expect(made.length).toBeGreaterThan(1);
  await create("deny", "request.stream", "light");
  const update = (rule_id: string | undefined, condition: string) =>
    server.call("rules.update", { rule_id, condition }, tenant.caller);
  expect((await update(made[0]?.id, "false")).status).toBe(200);
  expect((await update(made[0]?.id, condition)).status).toBe(200);
});

const call = (more: object = {}) => ({
  agent: { labels: { team: "search" } },
  model: { name: "gpt-4o" },
  ...more,
});

test("rules are tried in their order on a call, and the one that decides is told by id and name", async () => {
  const { create, ask } = await makeTenant();
  await create("require", "model.name.startsWith('gpt')", "only-gpt");
  const weekend = await create("deny", "time.weekday >= 6", "no-weekends");
  const guarded = await create("deny", "agent.labels.department == 'sales'", "not-for-sales");
  const friday = Date.UTC(2026, 0, 2, 12);
  const saturday = Date.UTC(2026, 0, 3, 12);

  const denied = await ask("rules.test", { call: call({ at: saturday }) });
  expect(denied.data).toMatchObject({
    verdict: { allowed: false, code: "access.denied", rule: { id: weekend.id, name: "no-weekends" } },
    results: [{ result: "holds" }, { result: "holds", rule: { name: "no-weekends" } }, { result: "error" }],
  });
  const failed = await ask("rules.test", { call: call({ at: friday }) });
  expect(failed.data).toMatchObject({
    verdict: { allowed: false, code: "access.rule_failed", rule: { id: guarded.id, name: "not-for-sales" } },
    results: [{}, {}, { error: "`department` is absent (line 1, column 14)" }],
  });
  const allowed = await ask("rules.test", {
    call: call({ at: friday, agent: { labels: { department: "legal" } } }),
  });
  expect(allowed.data).toMatchObject({ verdict: { allowed: true, code: null, rule: null } });
});

test("a condition is tried on a call without being saved, and what is wrong with it is told with the place", async () => {
  const { ask } = await makeTenant();
  const trial = async (condition: string) => (await ask("rules.test", { condition, call: call() })).data;
  const result = (result: string, error: unknown = null) => ({
    verdict: null,
    results: [{ rule: null, result, error }],
  });
  expect(await trial("agent.labels.team == 'search'")).toEqual(result("holds"));
  expect(await trial("request.stream")).toEqual(result("fails"));
  expect(await trial("agent.team == 'x'")).toEqual(
    result("error", expect.stringContaining("did you mean `agent.labels.team`? (line 1, column 7)")),
  );
  expect(await trial("request.stream &&")).toEqual(
    result("error", "A value is missing before the end (line 1, column 18)"),
  );
  expect((await ask("rules.list", undefined)).data).toMatchObject({ items: [] });
});

test("an agent that there is is tried as it is, and one of nobody is not found", async () => {
  const furnished = await createFurnishedTenant(server);
  const trial = (agent_id: string) =>
    server.call(
      "rules.test",
      { condition: `agent.id == '${furnished.agent}'`, call: call({ agent: { agent_id } }) },
      furnished.caller,
    );
  expect((await trial(furnished.agent)).data).toMatchObject({ results: [{ result: "holds", error: null }] });
  expect((await trial(server.services.makeId("agent"))).error?.code).toBe("api.not_found");
});
