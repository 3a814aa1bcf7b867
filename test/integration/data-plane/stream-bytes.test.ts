/** A stream reaches the agent byte for byte as the provider sent it, whatever its framing; only usage nobody asked for is left out. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Behaviour } from "../../doubles/provider/behaviour.ts";
import {
  SIMULATED_CREDENTIAL,
  type SimulatedProvider,
  startSimulatedProvider,
} from "../../doubles/provider/simulated-provider.ts";
import { type Endpoint, post, QUESTION } from "../../fixtures/calls.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let tenant: Tenant;
let direct: Endpoint;
beforeAll(async () => {
  provider = await startSimulatedProvider();
  tenant = await startTenant(makeSimplePolicy(provider.url));
  direct = { url: provider.url, key: SIMULATED_CREDENTIAL };
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

const CALLS = [
  ["/v1/chat/completions", "chat", "sim-small", { messages: QUESTION }],
  ["/v1/responses", "chat", "sim-small", { input: "How much?" }],
  ["/v1/messages", "claude", "sim-claude", { messages: QUESTION, max_tokens: 16 }],
] as const;

const FRAMINGS: readonly Behaviour[] = [
  {},
  { splitBytes: 1 },
  { splitBytes: 7, lineEnding: "\r\n" },
  { splitBytes: 3, lineEnding: "\r" },
  { comments: true },
  { noFinalBlankLine: true },
  { noFinalBlankLine: true, lineEnding: "\r\n", splitBytes: 1, comments: true },
  { malformedAt: 3 },
  { outputTokens: 500 },
];

describe.each(CALLS)("%s", (path, model, upstreamModel, body) => {
  test.each(FRAMINGS)("framed as %j", async (behaviour) => {
    const usage = path === "/v1/chat/completions" ? { stream_options: { include_usage: true } } : {};
    provider.script(behaviour, behaviour);
    const received = await streamed(tenant, path, { model, ...body, ...usage });
    const sent = await streamed(direct, path, { model: upstreamModel, ...body, ...usage });
    expect(received).toBe(sent);
    expect(received.length).toBeGreaterThan(1_000);
  });
});

test.each(FRAMINGS)(
  "the usage chunk alone is left out when it was not asked for, framed as %j",
  async (behaviour) => {
    const body = { messages: QUESTION };
    provider.script(behaviour, behaviour);
    const received = await streamed(tenant, "/v1/chat/completions", { model: "chat", ...body });
    const sent = await streamed(direct, "/v1/chat/completions", {
      model: "sim-small",
      ...body,
      stream_options: { include_usage: true },
    });
    const eol = behaviour.lineEnding ?? "\n";
    const events = sent.split(`${eol}${eol}`);
    const others = events.filter((event) => !event.includes('"choices":[]'));
    expect(others.length).toBe(events.length - 1);
    expect(received).toBe(others.join(`${eol}${eol}`));
  },
);

/** The provider numbers its answers; all else is the same each time. */
async function streamed(endpoint: Endpoint, path: string, body: object): Promise<string> {
  const response = await post(endpoint, path, { ...body, stream: true });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const bytes = Buffer.from(await response.arrayBuffer());
  return bytes.toString("latin1").replace(/([_-])sim\d+/g, "$1sim");
}
