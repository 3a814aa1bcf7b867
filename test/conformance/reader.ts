/** A data plane before a provider that sends what it is told, and the three wires it is asked on. */
import type { UsageEvent } from "@headgate/sdk/contract";
import {
  type ScriptedProvider,
  type Step,
  startScriptedProvider,
} from "../doubles/provider/scripted-provider.ts";
import { post, QUESTION } from "../fixtures/calls.ts";
import { goodAnswer, providerEvents, providerText, streamAnswer } from "../fixtures/provider-answers.ts";
import { makeTenantPolicy } from "../fixtures/tenant-policy.ts";
import type { CallRecord } from "../harness/output.ts";
import { startTenant, type Tenant } from "../harness/tenant.ts";

/** How one endpoint of one dialect speaks. */
export interface Wire {
  readonly path: string;
  readonly body: object;
  /** The provider whose models speak it. */
  readonly provider: "open" | "anth";
  /** A whole stream in three parts: what comes before any output, the output, and the last event. */
  readonly opening: string;
  readonly output: string;
  readonly last: string;
  /** The dialect's own error event. */
  readonly error: string;
  /** An answer that is not a stream. */
  readonly whole: string;
  /** What both the stream and the whole answer report. */
  readonly usage: Readonly<Record<string, number>>;
}

function wire(
  path: string,
  body: object,
  {
    file,
    openingEvents,
    ...rest
  }: Pick<Wire, "provider" | "usage"> & { file: string; openingEvents: number },
): Wire {
  const events = providerEvents(`${file}.chunks.txt`);
  return {
    path,
    body,
    opening: events.slice(0, openingEvents).join(""),
    output: events.slice(openingEvents, -1).join(""),
    last: events.at(-1) ?? "",
    error: providerText(`${file}-error.chunks.txt`),
    whole: providerText(`${file}.json`),
    ...rest,
  };
}

const OPENAI = { input_uncached: 93, cache_read: 1024, output_text: 14, reasoning: 32 };

export const CHAT = wire(
  "/v1/chat/completions",
  { messages: QUESTION, stream_options: { include_usage: true } },
  { provider: "open", file: "openai/chat-completion", openingEvents: 1, usage: OPENAI },
);
export const RESPONSES = wire(
  "/v1/responses",
  { input: "How much?" },
  { provider: "open", file: "openai/response", openingEvents: 4, usage: OPENAI },
);
export const MESSAGES = wire(
  "/v1/messages",
  { messages: QUESTION, max_tokens: 9 },
  {
    provider: "anth",
    file: "anthropic/message",
    openingEvents: 3,
    usage: { input_uncached: 93, cache_read: 1024, cache_write_5m: 200, cache_write_1h: 48, output_text: 14 },
  },
);
export const WIRES = [CHAT, RESPONSES, MESSAGES];

/** The stream of this wire as it should be. */
export const goodStream = ({ opening, output, last }: Wire) => streamAnswer([opening + output + last]);

/** What an agent saw of one call, and what is on record of it. */
export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Whether the connection broke before the end. */
  readonly broken: boolean;
  readonly attempts: readonly UsageEvent[];
  readonly record: CallRecord;
}

export interface Reader extends AsyncDisposable {
  readonly provider: ScriptedProvider;
  readonly tenant: Tenant;
  /**
   * Calls the model with two targets, or another by its name; what the provider does is told by `steps`. `onText` is
   * called whenever some of the answer has come.
   */
  ask(wire: Wire, how: Asked, ...steps: readonly Step[]): Promise<Seen>;
}

interface Asked {
  readonly stream?: boolean;
  /** `two` when absent; `fragile` has one target, which is left alone for half a minute after two failures. */
  readonly model?: "two" | "only" | "fragile";
  readonly members?: object;
  readonly onText?: (text: string) => void;
}

export async function startReader(): Promise<Reader> {
  const provider = await startScriptedProvider(goodAnswer);
  const kinds = ["open", "anth"] as const;
  const tenant = await startTenant(
    makeTenantPolicy({
      providers: [
        { name: "open", url: provider.url },
        { name: "anth", dialect: "anthropic", url: provider.url },
      ],
      models: kinds.flatMap((kind) => [
        {
          name: `two-${kind}`,
          targets: [
            { provider: kind, model: "sim-first" },
            { provider: kind, model: "sim-second", priority: 1 },
          ],
        },
        { name: `only-${kind}`, targets: [{ provider: kind, model: "sim-only" }] },
        {
          name: `fragile-${kind}`,
          breaker: { failures: 2, open_ms: 30_000 },
          targets: [{ provider: kind, model: "sim-fragile" }],
        },
      ]),
    }),
  );

  return {
    provider,
    tenant,
    async ask({ path, body, provider: kind }, { stream = false, model = "two", members, onText }, ...steps) {
      provider.script(...steps);
      const called = { ...body, ...(!stream && { stream_options: undefined }) };
      const response = await post(tenant, path, {
        ...called,
        model: `${model}-${kind}`,
        ...(stream && { stream }),
        ...members,
      });
      const request_id = response.headers.get("x-request-id");
      const answer = await readAll(response, onText);
      const record = await tenant.output.record({ request_id });
      return {
        status: response.status,
        headers: response.headers,
        ...answer,
        attempts: tenant.usage().filter((event) => event.request_id === request_id),
        record,
      };
    },
    async [Symbol.asyncDispose]() {
      await tenant[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

async function readAll(response: Response, onText: (text: string) => void = () => undefined) {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      onText(text);
    }
  } catch {
    return { text, broken: true };
  }
  return { text, broken: false };
}
