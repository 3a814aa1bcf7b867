/** Official clients need nothing but another address: what they get is what the provider says, and what is counted too. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  SIMULATED_CREDENTIAL,
  type SimulatedProvider,
  startSimulatedProvider,
} from "../../doubles/provider/simulated-provider.ts";
import { simulatedUsage, usageDimensions } from "../../doubles/provider/usage.ts";
import { anthropicClient, type Endpoint, openaiClient, QUESTION } from "../../fixtures/calls.ts";
import { makeAgent, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let tenant: Tenant;
let direct: Endpoint;
let seen: number;

beforeAll(async () => {
  provider = await startSimulatedProvider();
  direct = { url: provider.url, key: SIMULATED_CREDENTIAL };
  const agents = [makeAgent("worker"), makeAgent("intern", { team: "interns" })];
  tenant = await startTenant(
    makeSimplePolicy(provider.url, {
      agents,
      rules: [
        {
          id: "rul_0000000000000000000000000a",
          name: "no-claude-for-interns",
          effect: "deny",
          condition: 'model.name == "claude" && "team" in agent.labels && agent.labels["team"] == "interns"',
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

const CHAT = { messages: QUESTION, reasoning_effort: "low" as const, max_completion_tokens: 12 };
const RESPONSE = { input: "How much water?", reasoning: { effort: "low" as const } };
const EMBEDDING = { input: ["water", "gate"] };
const MESSAGE = { messages: QUESTION, max_tokens: 12 };

describe("the same answer comes from the gateway as from the provider, and usage has the provider's figures:", () => {
  test("a chat completion", async () => {
    const answer = await openaiClient(tenant).chat.completions.create({ model: "chat", ...CHAT });
    expectCounted("/v1/chat/completions", CHAT, { raw: answer.usage, stream: false });
    const expected = await openaiClient(direct).chat.completions.create({ model: "sim-small", ...CHAT });
    expect(unnumbered(answer)).toEqual(unnumbered(expected));
  });

  test.each([true, false])("a streamed chat completion, usage asked for: %s", async (include_usage) => {
    const options = { stream: true as const, stream_options: { include_usage } };
    const chunks = await all(
      openaiClient(tenant).chat.completions.create({ model: "chat", ...CHAT, ...options }),
    );
    expectCounted("/v1/chat/completions", CHAT, { stream: true });
    const expected = await all(
      openaiClient(direct).chat.completions.create({
        model: "sim-small",
        ...CHAT,
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    expect(unnumbered(chunks)).toEqual(unnumbered(expected.slice(0, include_usage ? undefined : -1)));
    expect(chunks.some(({ usage }) => usage != null)).toBe(include_usage);
  });

  test("a response", async () => {
    const answer = await openaiClient(tenant).responses.create({ model: "chat", ...RESPONSE });
    expectCounted("/v1/responses", RESPONSE, { raw: answer.usage, stream: false });
    const expected = await openaiClient(direct).responses.create({ model: "sim-small", ...RESPONSE });
    expect(unnumbered(answer)).toEqual(unnumbered(expected));
  });

  test("a streamed response", async () => {
    const stream = openaiClient(tenant).responses.stream({ model: "chat", ...RESPONSE });
    const answer = await stream.finalResponse();
    expectCounted("/v1/responses", RESPONSE, { raw: answer.usage, stream: true });
    const expected = await openaiClient(direct)
      .responses.stream({ model: "sim-small", ...RESPONSE })
      .finalResponse();
    expect(unnumbered(answer)).toEqual(unnumbered(expected));
  });

  test("embeddings", async () => {
    const answer = await openaiClient(tenant).embeddings.create({ model: "embed", ...EMBEDDING });
    expectCounted("/v1/embeddings", EMBEDDING, { raw: answer.usage, stream: false });
    const expected = await openaiClient(direct).embeddings.create({ model: "sim-embed", ...EMBEDDING });
    expect(answer).toEqual(expected);
  });

  test("a message", async () => {
    const answer = await anthropicClient(tenant).messages.create({ model: "claude", ...MESSAGE });
    expectCounted("/v1/messages", MESSAGE, { raw: answer.usage, stream: false });
    const expected = await anthropicClient(direct).messages.create({ model: "sim-claude", ...MESSAGE });
    expect(unnumbered(answer)).toEqual(unnumbered(expected));
  });

  test("a streamed message", async () => {
    const answer = await anthropicClient(tenant)
      .messages.stream({ model: "claude", ...MESSAGE })
      .finalMessage();
    expectCounted("/v1/messages", MESSAGE, { stream: true });
    const expected = await anthropicClient(direct)
      .messages.stream({ model: "sim-claude", ...MESSAGE })
      .finalMessage();
    expect(unnumbered(answer)).toEqual(unnumbered(expected));
  });

  test("counted tokens, which cost nothing", async () => {
    const body = { messages: QUESTION };
    const answer = await anthropicClient(tenant).messages.countTokens({ model: "claude", ...body });
    expect(answer).toEqual(
      await anthropicClient(direct).messages.countTokens({ model: "sim-claude", ...body }),
    );
    expect(tenant.usage().slice(seen)).toMatchObject([
      { subject: { endpoint: "count_tokens" }, status: "settled", usage: {}, accuracy: "none" },
    ]);
  });
});

describe("the list of models", () => {
  test("holds what the agent may call, in either dialect", async () => {
    const openai = await openaiClient(tenant).models.list();
    expect(openai.data.map(({ id }) => id)).toEqual(["chat", "claude", "embed"]);
    const anthropic = await anthropicClient(tenant).models.list();
    expect(anthropic.data.map(({ id }) => id)).toEqual(["chat", "claude", "embed"]);
  });

  test("leaves out what a rule denies this agent", async () => {
    const key = tenant.keys[1] ?? "";
    const models = await openaiClient({ url: tenant.url, key }).models.list();
    expect(models.data.map(({ id }) => id)).toEqual(["chat", "embed"]);
  });

  test("asks no provider and uses nothing", async () => {
    const calls = provider.ledger.length;
    await openaiClient(tenant).models.list();
    expect(provider.ledger.length).toBe(calls);
    expect(tenant.usage().length).toBe(seen);
  });
});

interface Expected {
  readonly stream: boolean;
  /** The usage object of the answer, where the agent saw it. */
  readonly raw?: unknown;
}

/** Exactly one more event is on disk, and it has the figures of the provider's own rule of counting. */
function expectCounted(path: string, body: object, { stream, raw }: Expected): void {
  const events = tenant.usage().slice(seen);
  expect(events).toMatchObject([
    {
      status: "settled",
      outcome: "success",
      accuracy: "reported",
      attempt: 1,
      http_status: 200,
      subject: { stream, endpoint: path.slice("/v1/".length).replace("/", "_") },
    },
  ]);
  expect(events[0]?.usage).toEqual(usageDimensions(simulatedUsage(path, { ...body })));
  if (raw !== undefined) expect(JSON.parse(events[0]?.raw_usage ?? "null")).toEqual(raw);
}

/** The provider numbers its answers; all else is the same each time. */
function unnumbered(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer).replace(/_sim\d+|-sim\d+/g, "-sim"));
}

async function all<T>(stream: PromiseLike<AsyncIterable<T>>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of await stream) items.push(item);
  return items;
}
