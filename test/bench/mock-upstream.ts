/**
 * A provider that costs as little as possible, so that it is never the bottleneck; therefore it is not the scripted one
 * of `doubles/`. Canned answers to `POST /v1/chat/completions`, written straight to sockets. What a stream looks like is
 * asked for in the request's `user` member, `chunks-<count>-gap-<milliseconds>`, which every gateway passes on.
 */
import { createServer, type Socket } from "node:net";

export interface MockUpstream extends AsyncDisposable {
  readonly port: number;
}

/** What a client sends as `user` to choose the shape of the stream. */
export function streamShape(chunks: number, gapMs: number): string {
  return `chunks-${chunks}-gap-${gapMs}`;
}

/** Listens on a free port of the loopback interface. */
export async function startMockUpstream(): Promise<MockUpstream> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    answerRequests(socket);
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the mock upstream has no port");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function answerRequests(socket: Socket): void {
  let pending: Buffer | undefined;
  socket.on("data", (chunk: Buffer) => {
    let data = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const end = requestEnd(data);
      if (end === undefined) break;
      answer(socket, data.toString("latin1", 0, end));
      data = data.subarray(end);
    }
    pending = data.length === 0 ? undefined : data;
  });
}

/** Where the first request in `data` ends, or undefined while it has not arrived whole. */
function requestEnd(data: Buffer): number | undefined {
  const headEnd = data.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = data.toString("latin1", 0, headEnd);
  const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const end = headEnd + 4 + Number(length);
    return data.length >= end ? end : undefined;
  }
  if (!/\ntransfer-encoding: *chunked/i.test(head)) return headEnd + 4;
  const last = data.indexOf("\r\n0\r\n\r\n", headEnd);
  return last < 0 ? undefined : last + 7;
}

function answer(socket: Socket, request: string): void {
  if (!request.includes('"stream":true')) {
    socket.write(JSON_ANSWER);
    return;
  }
  const shape = /"user":"chunks-(\d+)-gap-(\d+)"/.exec(request);
  const chunks = Number(shape?.[1] ?? 20);
  const gapMs = Number(shape?.[2] ?? 0);
  const ending = request.includes('"include_usage":true') ? STREAM_END_WITH_USAGE : STREAM_END;
  if (gapMs === 0) {
    socket.write(Buffer.concat([STREAM_HEAD, ...Array<Buffer>(chunks).fill(STREAM_CHUNK), ending]));
    return;
  }
  socket.write(STREAM_HEAD_AND_CHUNK);
  let left = chunks - 1;
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else if (left === 0) {
      clearInterval(timer);
      socket.write(ending);
    } else {
      left -= 1;
      socket.write(STREAM_CHUNK);
    }
  }, gapMs);
}

const USAGE = { prompt_tokens: 120, completion_tokens: 40, total_tokens: 160 };
const COMMON = {
  id: "chatcmpl-bench",
  created: 1_767_225_600,
  model: "bench-model",
};

function answerOf(body: object): Buffer {
  const text = JSON.stringify(body);
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

function chunkOf(data: string): string {
  const event = `data: ${data}\n\n`;
  return `${event.length.toString(16)}\r\n${event}\r\n`;
}

function deltaOf(delta: object, finish: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return chunkOf(JSON.stringify({ ...COMMON, object: "chat.completion.chunk", choices }));
}

const JSON_ANSWER = answerOf({
  ...COMMON,
  object: "chat.completion",
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content: "A sluice gate holds the water back until it is needed. ".repeat(6),
      },
      finish_reason: "stop",
    },
  ],
  usage: USAGE,
});
const STREAM_HEAD = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n",
);
const STREAM_CHUNK = Buffer.from(deltaOf({ content: " water" }, null));
const STREAM_HEAD_AND_CHUNK = Buffer.concat([STREAM_HEAD, STREAM_CHUNK]);
const DONE = `${chunkOf("[DONE]")}0\r\n\r\n`;
const STREAM_END = Buffer.from(deltaOf({}, "stop") + DONE);
const STREAM_END_WITH_USAGE = Buffer.from(
  deltaOf({}, "stop") +
    chunkOf(
      JSON.stringify({
        ...COMMON,
        object: "chat.completion.chunk",
        choices: [],
        usage: USAGE,
      }),
    ) +
    DONE,
);
