/** What callers are told in words: what was wrong, what is right, and the names of the things that say no. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { chat, message, post, QUESTION } from "../../fixtures/calls.ts";
import { goodAnswer } from "../../fixtures/provider-answers.ts";
import { makeBudget, makeLimit, makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { closedUrl, startTenant, type Tenant } from "../../harness/tenant.ts";

let upstream: ScriptedProvider;
let tenant: Tenant;
const limit = makeLimit({ metric: "requests", max: 1, window_seconds: 3_600 });
const budget = makeBudget({ name: "team-search", max: "1000", match: { models: ["budgeted"] } });
const RULE = "rul_0000000000000000000000000a";

beforeAll(async () => {
  upstream = await startScriptedProvider(goodAnswer);
  const { url } = upstream;
  const serving = (name: string, provider: string) => ({
    name,
    targets: [{ provider, model: "sim-small" }],
  });
  const policy = makeTenantPolicy({
    providers: [
      { name: "open", url },
      { name: "anth", dialect: "anthropic", url },
      { name: "bare", url },
      { name: "refusing", url: await closedUrl() },
      { name: "plain", url: url.replace("http:", "https:") },
      { name: "unknown", url: "http://nowhere.invalid" },
    ],
    models: [
      serving("chat", "open"),
      serving("claude", "anth"),
      { ...serving("embed", "open"), kind: "embeddings" },
      serving("denied", "open"),
      serving("limited", "open"),
      serving("budgeted", "open"),
      serving("routeless", "open"),
      serving("bare", "bare"),
      serving("refusing", "refusing"),
      serving("plain", "plain"),
      serving("unknown", "unknown"),
    ],
    rules: [{ id: RULE, name: "no-denied", effect: "deny", condition: 'model.name == "denied"' }],
    limits: [{ ...limit, name: "calls-per-hour", match: { models: ["limited"] } }],
    budgets: [budget],
  });
  const routeless = policy.models.find(({ name }) => name === "routeless")?.id;
  tenant = await startTenant({
    ...policy,
    routes: policy.routes.filter(({ model_id }) => model_id !== routeless),
    providers: policy.providers.map((row) => (row.name === "bare" ? { ...row, credential: null } : row)),
  });
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const SERVED =
  "Served are POST /v1/chat/completions, POST /v1/responses, POST /v1/embeddings, GET /v1/models, " +
  "GET /v1/models/{model...}, POST /v1/messages, POST /v1/messages/count_tokens.";
const refusing = (status: number, body: string) => ({
  status,
  headers: { "content-type": "application/json" },
  body,
});
const asking = (path: string) => () => post(tenant, path, { model: "chat", messages: QUESTION });

test.each([
  [
    "a base URL without /v1",
    asking("/chat/completions"),
    "There is no such endpoint. POST /v1/chat/completions is served: check the client's base URL, which seems to lack /v1.",
  ],
  [
    "a base URL with /v1 twice",
    asking("/v1/v1/messages"),
    "There is no such endpoint. POST /v1/messages is served: check the client's base URL.",
  ],
  ["a path like none", asking("/v1/completions"), `There is no such endpoint. ${SERVED}`],
  [
    "a model of the other dialect",
    () => chat(tenant, { model: "claude" }),
    "This model is not served through this endpoint. It is served at /v1/messages. (parameter model, decision DECISION)",
  ],
  [
    "a model of the other dialect, the other way",
    () => message(tenant, { model: "chat" }),
    "This model is not served through this endpoint. It is served at /v1/chat/completions, /v1/responses. (parameter model, decision DECISION)",
  ],
  [
    "a model of another kind",
    () => chat(tenant, { model: "embed" }),
    "This model is not served through this endpoint. It is served at /v1/embeddings. (parameter model, decision DECISION)",
  ],
  [
    "a model without a route",
    () => chat(tenant, { model: "routeless" }),
    "The model does not exist, no route leads to it, or you do not have access to it. (parameter model, decision DECISION)",
  ],
  [
    "no model at all",
    () => chat(tenant, { model: undefined }),
    "`model` is required. (parameter model, decision DECISION)",
  ],
  [
    "no model at all, in the other dialect",
    () => message(tenant, { model: undefined }),
    "`model` is required. (parameter model, decision DECISION)",
  ],
  [
    "a model that is no text",
    () => chat(tenant, { model: 7 }),
    "A parameter has a value that is not allowed. (parameter model, decision DECISION)",
  ],
  [
    "a call that a rule denies",
    () => chat(tenant, { model: "denied" }),
    `A rule of your organisation denies this call. (policy rule 'no-denied' (${RULE}), decision DECISION)`,
  ],
  [
    "a call over a limit",
    async () => {
      await (await chat(tenant, { model: "limited" })).text();
      return chat(tenant, { model: "limited" });
    },
    `Too many requests. (limit 'calls-per-hour' (${limit.id}), decision DECISION)`,
  ],
  [
    "a provider that refuses connections",
    () => chat(tenant, { model: "refusing" }),
    "The provider could not be reached. It refuses connections: check the port in the base URL of the provider.",
  ],
  [
    "a provider that speaks no TLS",
    () => chat(tenant, { model: "plain" }),
    "The provider could not be reached. No TLS connection could be made: check the scheme and the port in the base URL of the provider.",
  ],
  [
    "a provider that wants a credential where there is none",
    () => {
      upstream.script(refusing(401, '{"error":{"message":"no key"}}'));
      return chat(tenant, { model: "bare" });
    },
    "The provider wants a credential, and none is set for it.",
  ],
  [
    "a provider that refuses the credential that is set",
    () => {
      upstream.script(refusing(401, '{"error":{"message":"bad key"}}'));
      return chat(tenant);
    },
    "The provider refused the gateway's credential.",
  ],
] as const)("%s", async (_what, call, expected) => {
  expect(await told(await call())).toBe(expected);
});

test("a provider whose name is not known", async () => {
  // Which of them depends on who is asked for names.
  expect(await told(await chat(tenant, { model: "unknown" }))).toMatch(
    /^The provider could not be reached\. Its host name (is not known: check the base URL of the provider|could not be looked up)\.$/,
  );
});

test("a budget that has no room says what is spent and held, and what the call may need", async () => {
  const held = upstream.hold();
  const running = chat(tenant, { model: "budgeted", max_tokens: 500 });
  await held.arrived;
  const refused = await chat(tenant, { model: "budgeted", max_tokens: 900 });
  const { error } = (await refused.json()) as { error: { message: string; facts: Record<string, string> } };
  const { facts } = error;
  expect(facts).toMatchObject({ limit: "1000", spent: "0" });
  expect(Number(facts["held"])).toBeGreaterThanOrEqual(500);
  expect(Number(facts["needed"])).toBeGreaterThanOrEqual(900);
  expect(error.message).toBe(
    "The budget for these calls has no room for this one. Of 1000 tokens, 0 tokens are spent and " +
      `${facts["held"]} tokens are held by calls that are running; this call may need ${facts["needed"]} tokens. ` +
      `(budget 'team-search' (${budget.id}), decision ${refused.headers.get("x-headgate-decision")})`,
  );
  held.release();
  await (await running).text();
});

/** The message, with the decision's id taken out. */
async function told(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error: { message: string } };
  return error.message.replace(response.headers.get("x-headgate-decision") ?? "", "DECISION");
}
