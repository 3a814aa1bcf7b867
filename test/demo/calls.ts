/** Calls as agents make them: through the official clients, with nothing changed but base URL and key. */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

export interface AgentClients {
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
}

/** No retries: what the gateway answers is what is told. */
export function clientsFor(endpointUrl: string, apiKey: string): AgentClients {
  const common = { apiKey, maxRetries: 0, timeout: 60_000, logLevel: "off" as const };
  return {
    openai: new OpenAI({ ...common, baseURL: `${endpointUrl}/v1` }),
    anthropic: new Anthropic({ ...common, baseURL: endpointUrl }),
  };
}

/** Each call resolves with a short word on its answer. */
export type Call = (clients: AgentClients) => Promise<string>;

const QUESTION = "How much water went through the gate today, and whose was it?";
const messages = [{ role: "user" as const, content: QUESTION }];

export const chat =
  (model: string, tokens = 32): Call =>
  async ({ openai }) => {
    const answer = await openai.chat.completions.create({ model, messages, max_completion_tokens: tokens });
    return tokensUsed(answer.usage?.total_tokens);
  };

export const chatStream =
  (model: string, onChunk: () => void = () => undefined): Call =>
  async ({ openai }) => {
    const stream = await openai.chat.completions.create({ model, messages, stream: true });
    let chunks = 0;
    let finished = false;
    for await (const chunk of stream) {
      chunks += 1;
      finished ||= typeof chunk.choices[0]?.finish_reason === "string";
      onChunk();
    }
    if (!finished) throw new Error("the stream ended before its end");
    return `${chunks} chunks`;
  };

export const response =
  (model: string): Call =>
  async ({ openai }) => {
    const answer = await openai.responses.create({ model, input: QUESTION, reasoning: { effort: "low" } });
    return tokensUsed(answer.usage?.total_tokens);
  };

export const responseStream =
  (model: string): Call =>
  async ({ openai }) => {
    const answer = await openai.responses.stream({ model, input: QUESTION }).finalResponse();
    return tokensUsed(answer.usage?.total_tokens);
  };

export const embedding =
  (model: string): Call =>
  async ({ openai }) => {
    const answer = await openai.embeddings.create({ model, input: [QUESTION, "And yesterday?"] });
    return `${answer.data.length} vectors`;
  };

export const message =
  (model: string, tokens = 32): Call =>
  async ({ anthropic }) => {
    const answer = await anthropic.messages.create({ model, max_tokens: tokens, messages });
    return tokensUsed(answer.usage.input_tokens + answer.usage.output_tokens);
  };

export const messageStream =
  (model: string, tokens = 64, onEvent: () => void = () => undefined): Call =>
  async ({ anthropic }) => {
    const stream = anthropic.messages.stream({ model, max_tokens: tokens, messages });
    stream.on("streamEvent", onEvent);
    const answer = await stream.finalMessage();
    return `${answer.usage.output_tokens} tokens written`;
  };

export const countTokens =
  (model: string): Call =>
  async ({ anthropic }) => {
    const { input_tokens } = await anthropic.messages.countTokens({ model, messages });
    return `${input_tokens} tokens`;
  };

/** The gateway's refusal of a call, or undefined when the call was served. */
export interface Refusal {
  readonly status: number;
  /** The gateway's own code, such as `access.denied`. */
  readonly code: string;
  readonly policyId: string | undefined;
}

/** Makes a call that may be refused. Anything but a refusal of the gateway is thrown on. */
export async function refusalOf(clients: AgentClients, call: Call): Promise<Refusal | undefined> {
  try {
    await call(clients);
    return undefined;
  } catch (error) {
    if (!(error instanceof OpenAI.APIError || error instanceof Anthropic.APIError)) throw error;
    // The openai client hands out the inner object, the anthropic client the whole body.
    const body = error.error as Record<string, unknown> | undefined;
    const inner = (body?.["error"] ?? body) as Record<string, unknown> | undefined;
    const { headgate_code: code, policy_id: policyId } = inner ?? {};
    if (typeof code !== "string" || typeof error.status !== "number") throw error;
    return { status: error.status, code, policyId: typeof policyId === "string" ? policyId : undefined };
  }
}

function tokensUsed(count: number | undefined): string {
  return count === undefined ? "no usage" : `${count} tokens`;
}
