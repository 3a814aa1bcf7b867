/** A reader that is slow slows down the provider: what lies between them is bounded, and one that stops is cut off. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type ReceivedCall,
  type ScriptedProvider,
  startScriptedProvider,
} from "../../doubles/provider/scripted-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { goodAnswer, streamAnswer } from "../../fixtures/provider-answers.ts";
import { makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

const EVENT = `data: {"choices":[{"index":0,"delta":{"content":"${"w".repeat(16_000)}"}}]}\n\n`;
const EVENTS = 3_000;
const STREAM_BYTES = EVENT.length * EVENTS;
/** Socket buffers of two connections, at the most that Linux lets them grow to, and some. */
const BETWEEN_BYTES_MAX = 32 * 1024 * 1024;

let tenant: Tenant;
let accepted = 0;
let provider: ScriptedProvider;
/** A large stream, as fast as it is taken. */
function* flood() {
  for (accepted = 0; accepted < STREAM_BYTES; accepted += EVENT.length) yield EVENT;
  yield "data: [DONE]\n\n";
}

beforeAll(async () => {
  provider = await startScriptedProvider(goodAnswer);
  tenant = await startTenant(
    makeTenantPolicy({
      providers: [{ name: "open", url: provider.url }],
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
  await provider[Symbol.asyncDispose]();
});

test("the provider is held back while the agent does not read, and goes on when it does", async () => {
  const { reader } = await openReader("chat");
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
  const { reader, call } = await openReader("impatient");
  await call.closed;
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

/** Asks for a stream and reads none of it; resolves when the provider has begun to send it. */
async function openReader(model: string): Promise<{ readonly reader: Socket; readonly call: ReceivedCall }> {
  const arrived = Promise.withResolvers<ReceivedCall>();
  provider.script((call) => {
    arrived.resolve(call);
    return streamAnswer(flood());
  });
  const { hostname, port, host } = new URL(tenant.url);
  const reader = connect({ host: hostname, port: Number(port) }).pause();
  const body = JSON.stringify({ model, stream: true, messages: [], max_tokens: 5 });
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    `host: ${host}`,
    `authorization: Bearer ${tenant.key}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  reader.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  return { reader, call: await arrived.promise };
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
