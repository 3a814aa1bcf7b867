/**
 * A provider of both dialects on real sockets that does as it is told: each request takes the next step of a script,
 * and where none is left gets a good answer. It keeps every byte that it was sent.
 */
import { createServer, type Socket } from "node:net";

/** `bytes` are written, then the socket is left open, ended or reset. A `hang` never answers. */
export type Step =
  | { readonly bytes: string; readonly ending: "keep" | "end" | "reset" }
  | { readonly hang: true };

export interface ReceivedRequest {
  readonly head: string;
  readonly body: Buffer;
}

export interface ScriptedUpstream extends AsyncDisposable {
  readonly port: number;
  readonly requests: readonly ReceivedRequest[];
  /** Everything received so far on all connections. */
  bytesReceived(): number;
  /** What happens to the next requests, in order. */
  script(...steps: readonly Step[]): void;
  /** Resolves when `count` requests have come since the start. */
  requested(count: number): Promise<void>;
  /** Lets a hanging request go on to a good answer. */
  release(): void;
}

export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const sockets = new Set<Socket>();
  const requests: ReceivedRequest[] = [];
  const steps: Step[] = [];
  const hanging: (() => void)[] = [];
  const waiting: { count: number; resolve(): void }[] = [];
  let bytes = 0;

  const take = (socket: Socket, request: ReceivedRequest) => {
    requests.push(request);
    for (const waiter of waiting) if (requests.length >= waiter.count) waiter.resolve();
    const step = steps.shift();
    if (step === undefined) socket.write(goodAnswer(request));
    else if ("hang" in step) hanging.push(() => socket.writable && socket.write(goodAnswer(request)));
    else perform(socket, step);
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let pending: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const found = firstRequest(pending);
        if (found === undefined) return;
        pending = pending.subarray(found.length);
        take(socket, found.request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the scripted upstream has no port");
  return {
    port: address.port,
    requests,
    bytesReceived: () => bytes,
    script: (...more) => void steps.push(...more),
    requested: (count) =>
      requests.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push({ count, resolve });
          }),
    release: () => {
      for (const goOn of hanging.splice(0)) goOn();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A whole answer with a body of its own. */
export function answerWith(status: number, contentType: string, body: string): Step {
  const head = `HTTP/1.1 ${status} Scripted\r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return { bytes: head + body, ending: "keep" };
}

/** The beginning of a stream, after which the provider's connection is reset. */
export function streamThenReset(...events: readonly string[]): Step {
  const chunks = events.map((event) => `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`);
  return {
    bytes: `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${chunks.join("")}`,
    ending: "reset",
  };
}

function perform(socket: Socket, step: Extract<Step, { bytes: string }>): void {
  // The bytes must have left before a reset, or the other side may never see them.
  socket.write(step.bytes, () => {
    if (step.ending === "end") socket.end();
    if (step.ending === "reset") socket.resetAndDestroy();
  });
}

function firstRequest(data: Buffer): { request: ReceivedRequest; length: number } | undefined {
  const headEnd = data.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = data.toString("latin1", 0, headEnd);
  const length = Number(/\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const end = headEnd + 4 + length;
  return data.length < end
    ? undefined
    : { request: { head, body: data.subarray(headEnd + 4, end) }, length: end };
}

function goodAnswer({ head }: ReceivedRequest): string {
  const body = JSON.stringify(head.includes("/messages") ? GOOD_ANTHROPIC : GOOD_OPENAI);
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const GOOD_OPENAI = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_767_225_600,
  model: "upstream-model",
  choices: [{ index: 0, message: { role: "assistant", content: "good" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
};
const GOOD_ANTHROPIC = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "upstream-model",
  content: [{ type: "text", text: "good" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 5 },
};
