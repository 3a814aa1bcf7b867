import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../../testing/create-test-server.ts";
import { createFurnishedTenant, type FurnishedTenant } from "../../testing/create-test-tenant.ts";

let server: TestServer;
let tenant: FurnishedTenant;
beforeAll(async () => {
  server = await createTestServer();
  tenant = await createFurnishedTenant(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const call = (path: string, input: unknown) => server.call(path, input, tenant.caller);

test("what a route uses cannot be deleted, and the answer names the route", async () => {
  for (const [path, input] of [
    ["providers.delete", { provider_id: tenant.provider }],
    ["models.delete", { model_id: tenant.model }],
  ] as const) {
    const { error } = await call(path, input);
    expect(error?.code).toBe("api.conflict");
    expect(error?.message).toContain(tenant.route);
  }
});

test("a model that a limit or budget speaks of cannot be deleted, and the answer names it", async () => {
  const model = (
    await call("models.create", { name: "m2", kind: "chat", context_tokens_max: 9, output_tokens_max: 9 })
  ).data as { id: string };
  const limit = (
    await call("limits.create", {
      name: "l2",
      metric: "tokens",
      max: 5,
      window_seconds: 1,
      match: { models: ["m2"] },
    })
  ).data as { id: string };
  const { error } = await call("models.delete", { model_id: model.id });
  expect(error?.message).toContain(limit.id);
  await call("limits.delete", { limit_id: limit.id });
  expect((await call("models.delete", { model_id: model.id })).status).toBe(200);
});

test("a route's targets speak one dialect, are there, and are named once", async () => {
  const other = (
    await call("providers.create", {
      name: "other",
      dialect: "anthropic",
      vendor: "anthropic",
      base_url: "https://a.example.com",
    })
  ).data as { id: string };
  const target = { provider_id: tenant.provider, upstream_model: "gpt" };
  const put = (targets: unknown[]) => call("routes.put", { model_id: tenant.model, targets });
  const mixed = await put([target, { provider_id: other.id, upstream_model: "claude" }]);
  expect(mixed.error).toMatchObject({ code: "api.invalid_input", parameter: "targets.1.provider_id" });
  const doubled = await put([target, target]);
  expect(doubled.error).toMatchObject({ code: "api.invalid_input", parameter: "targets.1" });
});

test("a route that is put again keeps its id, and a target that stays keeps its own", async () => {
  type Route = {
    id: string;
    targets: { id: string; upstream_model: string; timeouts: { connect_ms: number } }[];
  };
  const put = async (targets: object[]) =>
    (
      await call("routes.put", {
        model_id: tenant.model,
        targets: targets.map((t) => ({ provider_id: tenant.provider, ...t })),
      })
    ).data as Route;
  const before = await put([{ upstream_model: "a" }, { upstream_model: "b" }]);
  const after = await put([{ upstream_model: "c" }, { upstream_model: "b", timeouts: { connect_ms: 7 } }]);
  expect(after.id).toBe(before.id);
  expect(after.targets[1]?.id).toBe(before.targets[1]?.id);
  expect(after.targets[0]?.id).not.toBe(before.targets[0]?.id);
  expect(after.targets[1]?.timeouts).toMatchObject({ connect_ms: 7, idle_ms: 60_000 });
});

test("rules are read in the order they were put in", async () => {
  const second = (await call("rules.create", { name: "second", effect: "allow", condition: "true" }))
    .data as { id: string };
  expect((await call("rules.reorder", { rule_ids: [second.id] })).error?.parameter).toBe("rule_ids");
  expect((await call("rules.reorder", { rule_ids: [second.id, second.id] })).error?.parameter).toBe(
    "rule_ids",
  );
  await call("rules.reorder", { rule_ids: [second.id, tenant.rule] });
  const { items } = (await call("rules.list", undefined)).data as { items: { id: string }[] };
  expect(items.map(({ id }) => id)).toEqual([second.id, tenant.rule]);
});

test.for([
  ["limits.create", { name: "x", metric: "concurrency", max: 1, window_seconds: 5 }, "window_seconds"],
  ["limits.create", { name: "x", metric: "tokens", max: 1 }, "window_seconds"],
  ["limits.create", { name: "limit", metric: "tokens", max: 1, window_seconds: 1 }, "name"],
  ["budgets.create", { name: "x", unit: "tokens", max: "1.5", window: "day" }, "max"],
  ["budgets.create", { name: "x", unit: "usd", max: "1.0000000001", window: "day" }, "max"],
  ["agents.create", { name: "Not a label" }, "name"],
  ["agents.create", { name: "x", labels: { team: "" } }, "labels.team"],
  ["rules.create", { name: "x", effect: "deny", condition: "nonsense(" }, "condition"],
] as const)("%s with %o is refused at %s", async ([path, input, parameter]) => {
  expect((await call(path, input)).error?.parameter).toBe(parameter);
});
