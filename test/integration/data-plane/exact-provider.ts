/** A provider that answers with exactly what a test hands it, where the bytes or their timing matter. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type ExactAnswer = (response: ServerResponse) => void;

export interface ExactProvider extends AsyncDisposable {
  /** Scheme, host and port. */
  readonly url: string;
  /** Calls that have come, each with its whole body. */
  readonly calls: number;
  /** What the next calls get, in order and nothing else; calls beyond it get a good answer that is not a stream. */
  script(...answers: readonly ExactAnswer[]): void;
}

export async function startExactProvider(): Promise<ExactProvider> {
  let script: ExactAnswer[] = [];
  let calls = 0;
  const server = createServer((request: IncomingMessage, response) => {
    request.resume().once("end", () => {
      calls += 1;
      (script.shift() ?? answerGood)(response);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls;
    },
    script(...answers) {
      script = [...answers];
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const ANSWER = {
  choices: [{ index: 0, message: { role: "assistant", content: "good" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
};

export const answerGood: ExactAnswer = answerWith(
  { "content-type": "application/json" },
  JSON.stringify(ANSWER),
);

/** A whole answer with status 200. */
export function answerWith(headers: Record<string, string>, body: string | Buffer): ExactAnswer {
  return (response) => response.writeHead(200, headers).end(body);
}

/** A stream of these events, all in one piece. */
export function stream(...events: readonly string[]): ExactAnswer {
  return answerWith({ "content-type": "text/event-stream" }, events.join(""));
}

/** One server-sent event; the members are its data. */
export function event(name: string | undefined, data: object | string): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${name === undefined ? "" : `event: ${name}\n`}data: ${text}\n\n`;
}

/** A piece of generated text in a stream of chat completions. */
export function chatText(content: string): string {
  return event(undefined, { choices: [{ index: 0, delta: { content } }] });
}
