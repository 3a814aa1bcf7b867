/** What is kept of an answer: enough for tRPC to read it and for an error to be explained. */
export interface Answer {
  ok: boolean;
  status: number;
  headers: { get(name: string): string | null };
  json(): Promise<unknown>;
}

/** An answer whose body is not JSON, as of a proxy in between. */
export class UnreadableAnswer extends Error {
  readonly status: number;
  readonly headers: Answer["headers"];

  constructor(status: number, headers: Answer["headers"], cause: unknown) {
    super("the answer is not JSON", { cause });
    this.status = status;
    this.headers = headers;
  }
}

/** As `fetch`, with the body read. Throws `UnreadableAnswer`, or what `fetch` throws when no whole answer comes. */
export async function fetchAnswer(fetch: Fetch, ...request: Parameters<Fetch>): Promise<Answer> {
  const { text, ...answer } = await received(fetch, request);
  try {
    const body: unknown = JSON.parse(text);
    return { ...answer, json: () => Promise.resolve(body) };
  } catch (cause) {
    throw new UnreadableAnswer(answer.status, answer.headers, cause);
  }
}

type Fetch = typeof globalThis.fetch;

async function received(fetch: Fetch, request: Parameters<Fetch>) {
  const response = await fetch(...request);
  return { ok: response.ok, status: response.status, headers: response.headers, text: await response.text() };
}
