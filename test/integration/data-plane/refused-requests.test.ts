/** What cannot be accounted for, or could be read in two ways, is refused before any provider is asked. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { chat, post } from "../../fixtures/calls.ts";
import { goodAnswer } from "../../fixtures/provider-answers.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: ScriptedProvider;
let tenant: Tenant;
let calls: number;
beforeAll(async () => {
  provider = await startScriptedProvider(goodAnswer);
  tenant = await startTenant(makeSimplePolicy(provider.url));
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  calls = provider.calls.length;
});

test("a response in the background, whose usage would come later, is refused by the parameter's name", async () => {
  const refused = await post(tenant, "/v1/responses", {
    model: "chat",
    input: "How much?",
    background: true,
  });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    error: { headgate_code: "request.invalid_parameter", param: "background" },
  });
  expect(provider.calls.length).toBe(calls);
  const allowed = await post(tenant, "/v1/responses", {
    model: "chat",
    input: "How much?",
    background: false,
  });
  expect(allowed.status).toBe(200);
});

test.each(["MODEL", "Model", "STREAM", "Max_Tokens", "N"])(
  "a member %s beside those it resembles is refused by its name",
  async (name) => {
    const refused = await chat(tenant, { [name]: "claude" });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { headgate_code: "request.invalid_parameter", param: name },
    });
    expect(provider.calls.length).toBe(calls);
  },
);

test("an expectation that is not 100-continue is 400 with the ids of its one record", async () => {
  using connection = await openRawConnection(tenant.url);
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    `host: ${new URL(tenant.url).host}`,
    `authorization: Bearer ${tenant.key}`,
    "content-type: application/json",
    "content-length: 2",
    "expect: something",
  ];
  await connection.send(`${head.join("\r\n")}\r\n\r\n{}`);
  const { status, headers, body } = await connection.response();
  expect(status).toBe(400);
  const request_id = headers.get("x-request-id")?.[0];
  const { error } = JSON.parse(body) as { error: { decision_id: string } };
  expect(error).toMatchObject({ headgate_code: "request.malformed" });
  await connection.closed;
  // The record of a later call comes after all those of this one.
  const later = await chat(tenant);
  await tenant.output.record({ request_id: later.headers.get("x-request-id") });
  const records = tenant.output.records().filter((record) => record.request_id === request_id);
  expect(records).toMatchObject([
    { decision: "deny", outcome: "request.malformed", status: 400, decision_id: error.decision_id },
  ]);
  expect(tenant.output.records().filter(({ outcome }) => outcome === "request.malformed")).toHaveLength(1);
});
