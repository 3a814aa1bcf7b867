/**
 * How the simulated provider counts. Figures follow from the request alone, so that a test can compute what must be
 * on an invoice without asking anybody.
 */
export interface SimulatedUsage {
  /** All input tokens, cached ones included. */
  readonly input: number;
  /** Input tokens read from the cache: a quarter of the input. */
  readonly cacheRead: number;
  /** Input tokens written to the cache (Anthropic only): an eighth of the input. */
  readonly cacheWrite: number;
  /** All output tokens, reasoning included. */
  readonly output: number;
  /** A quarter of the output where the request asks for reasoning, else 0. */
  readonly reasoning: number;
}

export type JsonObject = { readonly [name: string]: unknown };

const DEFAULT_OUTPUT_TOKENS = 16;

/** What a request costs. `outputTokens` is what the model would write without a limit. */
export function simulatedUsage(
  path: string,
  body: JsonObject,
  outputTokens = DEFAULT_OUTPUT_TOKENS,
): SimulatedUsage {
  const anthropic = path.startsWith("/v1/messages");
  const prompt = [body["system"], body["instructions"], body["messages"] ?? body["input"], body["tools"]];
  const input = tokensOfText(JSON.stringify(prompt.filter((part) => part !== undefined)));
  if (path === "/v1/embeddings" || path === "/v1/messages/count_tokens") {
    return { input, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0 };
  }
  const limit = body["max_completion_tokens"] ?? body["max_output_tokens"] ?? body["max_tokens"];
  const output = Math.min(outputTokens, typeof limit === "number" ? limit : outputTokens);
  const reasons =
    body["reasoning"] !== undefined ||
    body["reasoning_effort"] !== undefined ||
    body["thinking"] !== undefined;
  return {
    input,
    cacheRead: Math.floor(input / 4),
    cacheWrite: anthropic ? Math.floor(input / 8) : 0,
    output,
    reasoning: reasons ? Math.floor(output / 4) : 0,
  };
}

/** One token for four bytes of UTF-8, rounded up. */
export function tokensOfText(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

/** The same usage in the disjoint dimensions of the usage contract, without those that are zero. */
export function usageDimensions(usage: SimulatedUsage): Record<string, number> {
  const dimensions = {
    input_uncached: usage.input - usage.cacheRead - usage.cacheWrite,
    cache_read: usage.cacheRead,
    cache_write_5m: usage.cacheWrite,
    output_text: usage.output - usage.reasoning,
    reasoning: usage.reasoning,
  };
  return Object.fromEntries(Object.entries(dimensions).filter(([, quantity]) => quantity > 0));
}

/** The text of an answer: one word a token, some of them longer than one byte a character. */
export function answerWords(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${WORDS[index % WORDS.length] ?? ""} `);
}
const WORDS = ["Water", "läuft", "through", "the", "gate", "→", "水", "🌊"];
