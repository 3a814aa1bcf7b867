/** A reader that is slow slows down the provider: what lies between them is bounded, and one that stops is cut off. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chat } from "../../fixtures/calls.ts";
import { makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

const EVENT = `data: {"choices":[{"index":0,"delta":{"content":"${"w".repeat(16_000)}"}}]}\n\n`;
const EVENTS = 3_000;
const STREAM_BYTES = EVENT.length * EVENTS;
/** Socket buffers of two connections, at the most that Linux lets them grow to, and some. */
const BETWEEN_BYTES_MAX = 32 * 1024 * 1024;

let tenant: Tenant;
let accepted = 0;
let upstreamClosed = Promise.withResolvers<void>();
/** Writes a large stream as fast as it is taken; any other call gets a short answer. */
const upstream = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    if (body.includes('"stream":true')) void pour(response);
    else response.writeHead(200, { "content-type": "application/json" }).end('{"usage":{"prompt_tokens":1}}');
  });
});

async function pour(response: ServerResponse): Promise<void> {
  accepted = 0;
  const closed = Promise.withResolvers<void>();
  response.once("close", () => {
    closed.resolve();
    upstreamClosed.resolve();
  });
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let event = 0; event < EVENTS && !response.destroyed; event += 1) {
    await Promise.race([
      closed.promise,
      new Promise<void>((resolve) => {
        response.write(EVENT, () => resolve());
      }),
    ]);
    accepted += EVENT.length;
  }
  response.end("data: [DONE]\n\n");
}

beforeAll(async () => {
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  tenant = await startTenant(
    makeTenantPolicy({
      providers: [{ name: "open", url }],
      models: [
        { name: "chat", targets: [{ provider: "open", model: "sim-small" }] },
        {
          name: "impatient",
          targets: [{ provider: "open", model: "sim-small", timeouts: { idle_ms: 200 } }],
        },
      ],
    }),
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  upstream.close();
  upstream.closeAllConnections();
});

test("the provider is held back while the agent does not read, and goes on when it does", async () => {
  const reader = await openReader("chat");
  await stalled();
  expect(accepted).toBeLessThan(BETWEEN_BYTES_MAX);
  let received = 0;
  let tail = "";
  reader.on("data", (chunk: Buffer) => {
    received += chunk.length;
    tail = (tail + chunk.toString("latin1")).slice(-100);
    if (tail.endsWith("0\r\n\r\n")) reader.destroy();
  });
  reader.resume();
  await once(reader, "close");
  expect(tail).toContain("data: [DONE]");
  expect(received).toBeGreaterThan(STREAM_BYTES);
});

test("an agent that stops reading is cut off after the idle time, and the provider with it", async () => {
  upstreamClosed = Promise.withResolvers<void>();
  const reader = await openReader("impatient");
  await upstreamClosed.promise;
  const record = await tenant.output.record({ model: "impatient" });
  expect(record).toMatchObject({ outcome: "client_aborted" });
  expect(tenant.usage().at(-1)).toMatchObject({ outcome: "client_aborted", accuracy: "estimated" });
  expect(await metric("headgate_streams_open")).toBe(0);
  let tail = "";
  reader.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString("latin1")).slice(-100);
  });
  reader.on("error", () => undefined);
  reader.resume();
  await once(reader, "close");
  expect(tail).not.toContain("[DONE]");
  expect(tail).not.toMatch(/0\r\n\r\n$/);
});

/** Asks for a stream and reads none of it. */
async function openReader(model: string): Promise<Socket> {
  const { hostname, port, host } = new URL(tenant.url);
  const socket = connect({ host: hostname, port: Number(port) }).pause();
  const body = JSON.stringify({ model, stream: true, messages: [], max_tokens: 5 });
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    `host: ${host}`,
    `authorization: Bearer ${tenant.key}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  await once(socket, "connect");
  return socket;
}

/** Resolves when the provider has got rid of nothing more over many calls that went through beside it. */
async function stalled(): Promise<void> {
  for (let before = -1, unchanged = 0; unchanged < 20; ) {
    unchanged = accepted === before ? unchanged + 1 : 0;
    before = accepted;
    await (await chat(tenant)).text();
    if (accepted === STREAM_BYTES)
      throw new Error("the provider could send everything to an agent that reads nothing");
  }
}

async function metric(name: string): Promise<number> {
  const line = (await tenant.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}
