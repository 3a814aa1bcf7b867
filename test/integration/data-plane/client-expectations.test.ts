/** What clients of either dialect count on beside the answers of models. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { anthropicClient, chat, message, openaiClient } from "../../fixtures/calls.ts";
import { goodAnswer, providerEvents, streamAnswer } from "../../fixtures/provider-answers.ts";
import { makeAgent, makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

const NAMES = ["chat", "claude", "hidden", "vendor/family/small:1.5@eu"];
const LISTED = NAMES.filter((name) => name !== "hidden");

let upstream: ScriptedProvider;
let tenant: Tenant;
beforeAll(async () => {
  upstream = await startScriptedProvider(goodAnswer);
  const { url } = upstream;
  tenant = await startTenant(
    makeTenantPolicy({
      agents: [makeAgent("worker"), makeAgent("other")],
      providers: [
        { name: "open", url },
        { name: "anth", dialect: "anthropic", url },
      ],
      models: NAMES.map((name) => ({
        name,
        targets: [{ provider: name === "claude" ? "anth" : "open", model: "sim-small" }],
      })),
      rules: [
        {
          id: "rul_0000000000000000000000000a",
          name: "none-that-is-hidden",
          effect: "deny",
          condition: 'model.name == "hidden"',
        },
      ],
    }),
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const ANTHROPIC = { "anthropic-version": "2023-06-01" };
function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(tenant.url + path, { headers: { authorization: `Bearer ${tenant.key}`, ...headers } });
}

describe("one model can be asked for by its name", () => {
  test.each(LISTED)("%s", async (name) => {
    const model = await openaiClient(tenant).models.retrieve(name);
    expect(model).toMatchObject({ id: name, object: "model", owned_by: "headgate" });
    const info = await anthropicClient(tenant).models.retrieve(name);
    expect(info).toMatchObject({ id: name, type: "model", display_name: name });
  });

  test.each(["/", "%2F", "%2f"])("with %s between the parts of the name", async (slash) => {
    const response = await get(`/v1/models/vendor${slash}family${slash}small:1.5@eu`);
    expect(await response.json()).toMatchObject({ id: "vendor/family/small:1.5@eu" });
  });

  test.each(["hidden", "unheard-of", "vendor/family", "vendor"])(
    "%s, which the agent may not call or nobody can, is 404",
    async (name) => {
      const response = await get(`/v1/models/${name}`);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { headgate_code: "model.not_found" } });
    },
  );

  test.each(["vendor%2F%2Fsmall", "vendor/", "", "vendor%5Csmall"])("'%s' is no name", async (name) => {
    const { status } = await get(`/v1/models/${name}`);
    expect([400, 404]).toContain(status);
    expect(await (await get(`/v1/models/${name}`)).text()).toMatch(/request\.(bad_path|unknown_endpoint)/);
  });

  test("with another method it is 405", async () => {
    const response = await fetch(`${tenant.url}/v1/models/chat`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${tenant.key}` },
    });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
  });
});

describe("the list of models comes in pages as they are asked for", () => {
  test("whole where nothing is said", async () => {
    const { data } = await openaiClient(tenant).models.list();
    expect(data.map(({ id }) => id)).toEqual(LISTED);
  });

  test.each([1, 2, 3, 1_000])("by %i, from one page to the next", async (limit) => {
    const seen: string[] = [];
    for await (const { id } of anthropicClient(tenant).models.list({ limit })) seen.push(id);
    expect(seen).toEqual(LISTED);
  });

  test("backwards from a model", async () => {
    const page = await get("/v1/models?limit=1&before_id=claude", ANTHROPIC);
    expect(await page.json()).toMatchObject({ first_id: "chat", last_id: "chat", has_more: false });
    const last = await get("/v1/models?limit=1&before_id=z", ANTHROPIC);
    expect(await last.json()).toMatchObject({ first_id: LISTED.at(-1), has_more: true });
  });

  test("in the OpenAI dialect too", async () => {
    const list = (await (await get("/v1/models?limit=1&after=chat")).json()) as { data: { id: string }[] };
    expect(list).toMatchObject({ object: "list", data: [{ id: "claude" }], has_more: true });
  });

  test.each(["0", "-1", "1001", "x", "", "1e2", "1.5"])("a limit of '%s' is 400 and named", async (limit) => {
    const response = await get(`/v1/models?limit=${limit}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { headgate_code: "request.invalid_parameter", param: "limit" },
    });
  });
});

describe("answers in the Anthropic dialect tell the request's id in request-id", () => {
  const unserved = () => message(tenant, { model: "nope" });
  const streamed = () => {
    upstream.script(streamAnswer([providerEvents("anthropic/message.chunks.txt").join("")]));
    return message(tenant, { stream: true });
  };
  test.each([
    ["a whole answer", () => message(tenant), 200],
    ["a stream", () => streamed(), 200],
    ["a list", () => get("/v1/models", ANTHROPIC), 200],
    ["a refusal", unserved, 404],
    ["one of a stranger", () => message({ ...tenant, key: "nobody's" }), 401],
    ["one of no endpoint", () => get("/v1/messages/nothing", ANTHROPIC), 404],
  ] as const)("%s", async (_what, call, status) => {
    const { headers, ...response } = await call().then((r) => ({ status: r.status, headers: r.headers }));
    expect(response.status).toBe(status);
    expect(headers.get("request-id")).toMatch(/^req_/);
    expect(headers.get("request-id")).toBe(headers.get("x-request-id"));
  });

  test("the official client finds it there, and those of the other dialect are sent none", async () => {
    const failed = await anthropicClient(tenant)
      .models.retrieve("nope")
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ status: 404, requestID: expect.stringMatching(/^req_/) });
    expect((await chat(tenant)).headers.get("request-id")).toBeNull();
  });
});

describe("of several credentials the one counts that is ours", () => {
  const call = (headers: Record<string, string>) =>
    fetch(`${tenant.url}/v1/models`, { headers }).then(async (response) => {
      const { error } = (await response.json()) as { error?: { headgate_code: string } };
      return error?.headgate_code ?? response.status;
    });

  test.each([
    ["an empty Bearer", () => "Bearer "],
    ["a bare Bearer", () => "Bearer"],
    ["a key of a provider", () => "Bearer sk-ant-api03-abc"],
    ["another scheme", () => "Basic dXNlcjpwYXNz"],
    ["the same key", () => `Bearer ${tenant.key}`],
  ])("%s beside a good x-api-key", async (_what, authorization) => {
    expect(await call({ authorization: authorization(), "x-api-key": tenant.key })).toBe(200);
  });

  test.each(["", "dummy", "sk-proj-abc"])("x-api-key '%s' beside a good Bearer", async (key) => {
    expect(await call({ authorization: `Bearer ${tenant.key}`, "x-api-key": key })).toBe(200);
    expect(await call({ authorization: `Bearer ${tenant.key}`, "x-api-key": key, "api-key": key })).toBe(200);
  });

  test("two that are ours are refused, whatever stands beside them", async () => {
    const [, second = ""] = tenant.keys;
    const two = { authorization: `Bearer ${tenant.key}`, "x-api-key": second };
    expect(await call(two)).toBe("auth.conflicting_credentials");
    expect(await call({ ...two, "api-key": "sk-1" })).toBe("auth.conflicting_credentials");
  });

  test("of several that are not ours none is taken", async () => {
    expect(await call({ authorization: "Bearer sk-1", "x-api-key": "sk-2" })).toBe("auth.invalid_credential");
    expect(await call({ authorization: "Bearer ", "x-api-key": "" })).toBe("auth.invalid_credential");
  });
});
