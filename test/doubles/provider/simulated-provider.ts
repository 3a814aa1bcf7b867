/**
 * A provider that is not there: OpenAI and Anthropic dialects over real sockets, with a ledger of its own. What it
 * has served is written down in the same tick as the last byte of the answer, so its ledger is the other side of
 * every comparison with ours.
 */
import type { IncomingHttpHeaders } from "node:http";
import { type Answer, type Question, replyOf } from "./answer.ts";
import { anthropicAnswer, anthropicError, anthropicErrorEvent, anthropicModels } from "./anthropic.ts";
import { type Behaviour, behaviourOfModel } from "./behaviour.ts";
import { openaiAnswer, openaiError, openaiErrorEvent, openaiModels } from "./openai.ts";
import {
  type ProviderAnswer,
  type ReceivedCall,
  type Reply,
  type ScriptedProviderOptions,
  startScriptedProvider,
} from "./scripted-provider.ts";
import { type JsonObject, type SimulatedUsage, simulatedUsage } from "./usage.ts";

/** One call that reached the provider with a valid credential. */
export interface LedgerEntry {
  /** From the header `x-headgate-attempt`; null when the caller sent none. */
  readonly attempt_id: string | null;
  readonly path: string;
  readonly model: string;
  /** Whose credential was presented. */
  readonly organisation: string;
  /** Unix milliseconds at which the call arrived. */
  readonly at: number;
  /** What was answered; 0 while nothing was. */
  status: number;
  /** True once the whole answer of a successful call was produced. */
  completed: boolean;
  /** Stream events (or 1 for a whole answer) that went out. */
  events: number;
  /** What a completed call used, else null. */
  usage: SimulatedUsage | null;
}

/** A call that a test holds in its hands. */
export interface SimulatedCall {
  readonly entry: Readonly<LedgerEntry>;
  readonly headers: IncomingHttpHeaders;
  readonly body: JsonObject;
  /** Resolves when the call has come to the point where its behaviour holds it. */
  readonly held: Promise<void>;
  /** Resolves when the connection is done with this call, in whatever way. */
  readonly closed: Promise<void>;
  /** Lets a held call go on; before it is held, lets it pass. */
  release(): void;
}

export interface SimulatedProvider extends AsyncDisposable {
  /** Scheme, host and port. The base URL of the OpenAI dialect is this with `/v1`. */
  readonly url: string;
  readonly ledger: readonly LedgerEntry[];
  /** Calls that were refused for their credential; they are in no ledger. */
  readonly refused: number;
  /** The next calls behave like this, one each, in this order; calls beyond the script follow their model's name. */
  script(...behaviours: Behaviour[]): void;
  /** The next call not yet handed out, in order of arrival. */
  nextCall(): Promise<SimulatedCall>;
}

export interface SimulatedProviderOptions extends ScriptedProviderOptions {
  /** Which credential belongs to which organisation. */
  readonly credentials?: Readonly<Record<string, string>>;
  readonly models?: readonly string[];
}

export const SIMULATED_CREDENTIAL = "sk-simulated-acme";

/** Starts a provider, on the loopback interface unless told otherwise. */
export async function startSimulatedProvider(
  options: SimulatedProviderOptions = {},
): Promise<SimulatedProvider> {
  const credentials = new Map(Object.entries(options.credentials ?? { [SIMULATED_CREDENTIAL]: "acme" }));
  const models = options.models ?? ["sim-small", "sim-large"];
  const ledger: LedgerEntry[] = [];
  const queue: Behaviour[] = [];
  const arrived: SimulatedCall[] = [];
  const waiting: ((call: SimulatedCall) => void)[] = [];
  let refused = 0;

  const { url, [Symbol.asyncDispose]: dispose } = await startScriptedProvider(serve, options);

  return {
    url,
    ledger,
    get refused() {
      return refused;
    },
    script: (...behaviours) => void queue.push(...behaviours),
    nextCall: () => {
      const call = arrived.shift();
      return call === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(call);
    },
    [Symbol.asyncDispose]: dispose,
  };

  async function serve(received: ReceivedCall): Promise<Reply> {
    const { method, headers } = received;
    const path = received.target.split("?")[0] ?? "/";
    if (path === "/__ledger") return json(200, { calls: ledger, refused });
    const anthropic = path.startsWith("/v1/messages") || headers["anthropic-version"] !== undefined;
    const error = anthropic ? anthropicError : openaiError;
    const organisation = credentials.get(presentedCredential(headers) ?? "");
    if (organisation === undefined) {
      refused += 1;
      return json(401, error(401, "Incorrect API key provided."));
    }
    if (path === "/v1/models" && method === "GET") {
      return json(200, anthropic ? anthropicModels(models) : openaiModels(models));
    }
    const body = parseObject(received.body.toString());
    const model = body?.["model"];
    if (method !== "POST" || body === undefined || typeof model !== "string") {
      return json(400, error(400, "A POST with a JSON object that names a model is needed."));
    }
    if (anthropic && headers["anthropic-version"] === undefined) {
      return json(400, error(400, "anthropic-version: header is required"));
    }

    const attempt = headers["x-headgate-attempt"];
    const entry: LedgerEntry = {
      attempt_id: typeof attempt === "string" ? attempt : null,
      path,
      model,
      organisation,
      at: Date.now(),
      status: 0,
      completed: false,
      events: 0,
      usage: null,
    };
    ledger.push(entry);
    const behaviour = { ...behaviourOfModel(model), ...queue.shift() };
    const usage = simulatedUsage(path, body, behaviour.outputTokens);
    const question: Question = {
      id: `sim${ledger.length}`,
      path,
      body,
      usage,
      cut: simulatedUsage(path, { ...body, ...UNLIMITED }, behaviour.outputTokens).output > usage.output,
      noUsage: behaviour.noUsage ?? false,
    };
    const { call, hold } = makeCall(entry, received, body);
    const waiter = waiting.shift();
    if (waiter === undefined) arrived.push(call);
    else waiter(call);

    const answer: Answer =
      behaviour.status === undefined
        ? anthropic
          ? anthropicAnswer(question)
          : openaiAnswer(question)
        : { kind: "error", status: behaviour.status, message: `Simulated failure ${behaviour.status}.` };
    if (answer.kind === "error") {
      if (behaviour.holdBefore === 0) await hold();
      entry.status = answer.status;
      const retryAfter = behaviour.retryAfter === undefined ? {} : { "retry-after": behaviour.retryAfter };
      if (behaviour.html) return webPage(answer.status, retryAfter);
      return json(answer.status, error(answer.status, answer.message), retryAfter);
    }
    return replyOf({
      answer,
      behaviour,
      call: received,
      hold,
      errorEvent: anthropic ? anthropicErrorEvent() : openaiErrorEvent(),
      onEvent: () => {
        entry.status = 200;
        entry.events += 1;
      },
      onServed: () => {
        entry.completed = true;
        entry.usage = usage;
      },
    });
  }
}

const UNLIMITED = { max_completion_tokens: undefined, max_output_tokens: undefined, max_tokens: undefined };

function makeCall(
  entry: LedgerEntry,
  { headers, closed }: ReceivedCall,
  body: JsonObject,
): { call: SimulatedCall; hold: () => Promise<void> } {
  const held = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  void closed.then(released.resolve);
  return {
    call: { entry, headers, body, held: held.promise, closed, release: released.resolve },
    hold: () => {
      held.resolve();
      return released.promise;
    },
  };
}

function presentedCredential(headers: IncomingHttpHeaders): string | undefined {
  const apiKey = headers["x-api-key"];
  return typeof apiKey === "string" ? apiKey : headers.authorization?.replace(/^Bearer /i, "");
}

function parseObject(json: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

function json(status: number, body: JsonObject, more: Record<string, string> = {}): ProviderAnswer {
  return { status, headers: { "content-type": "application/json", ...more }, body: JSON.stringify(body) };
}

function webPage(status: number, more: Record<string, string>): ProviderAnswer {
  const body = `<html><head><title>${status}</title></head><body><h1>${status} Bad Gateway</h1></body></html>`;
  return { status, headers: { "content-type": "text/html", ...more }, body };
}
