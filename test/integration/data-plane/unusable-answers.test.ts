/** An answer that no agent could read is the provider's error: it is not passed on, and the next target is asked. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { goodAnswer, providerText } from "../../fixtures/provider-answers.ts";
import { makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: ScriptedProvider;
let tenant: Tenant;
let seen: number;
beforeAll(async () => {
  provider = await startScriptedProvider(goodAnswer);
  tenant = await startTenant(
    makeTenantPolicy({
      providers: [{ name: "open", url: provider.url }],
      models: [
        { name: "chat", targets: [{ provider: "open", model: "sim-only" }] },
        {
          name: "two",
          targets: [
            { provider: "open", model: "sim-first" },
            { provider: "open", model: "sim-second", priority: 1 },
          ],
        },
      ],
    }),
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  seen = tenant.usage().length;
});

const GOOD = providerText("openai/chat-completion.json");
const GOOD_STREAM = providerText("openai/chat-completion.chunks.txt");
const plain = (type: string, body: string) => ({ headers: { "content-type": type }, body });
const gzipped = (type: string, body: string) => ({
  headers: { "content-type": type, "content-encoding": "gzip" },
  body: gzipSync(body),
});

test.each([
  ["whole", {}, "application/json", GOOD],
  ["streamed", { stream: true, stream_options: { include_usage: true } }, "text/event-stream", GOOD_STREAM],
] as const)(
  "a %s answer that is compressed, which nobody asked for, leads to the next target",
  async (_kind, members, type, good) => {
    provider.script(gzipped(type, good), plain(type, good));
    const response = await chat(tenant, { model: "two", ...members });
    expect(response.status).toBe(200);
    expect(response.headers.has("content-encoding")).toBe(false);
    expect(await response.text()).toBe(good);
    expect(tenant.usage().slice(seen)).toMatchObject([
      { subject: { upstream_model: "sim-first" }, outcome: "upstream_error", http_status: 200 },
      { subject: { upstream_model: "sim-second" }, outcome: "success" },
    ]);
  },
);

test("no compressed byte reaches the agent where there is no other target", async () => {
  provider.script(gzipped("text/event-stream", GOOD_STREAM));
  const response = await chat(tenant, { stream: true });
  expect(response.status).toBe(502);
  expect(response.headers.get("content-type")).toContain("application/json");
  expect(await response.json()).toMatchObject({ error: { headgate_code: "upstream.error" } });
});

test("a web page with status 200 is an error of the provider, and charges nothing", async () => {
  provider.script(plain("text/html", `<html>${"Welcome! ".repeat(500)}</html>`));
  const response = await chat(tenant);
  expect(response.status).toBe(502);
  expect(await response.text()).not.toContain("Welcome");
  expect(tenant.usage().slice(seen)).toMatchObject([
    { outcome: "upstream_error", http_status: 200, usage: {}, accuracy: "none" },
  ]);
});
