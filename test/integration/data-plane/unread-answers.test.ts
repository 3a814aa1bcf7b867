/** An agent that does not read the end of its answer holds its place until then, and is cut off when its time is over. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { goodAnswer, jsonAnswer } from "../../fixtures/provider-answers.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";
import { until } from "../../harness/until.ts";

/** More than the buffers of a connection can grow to. */
const ANSWER_BYTES = 48 * 1024 * 1024;
const ANSWER = JSON.stringify({
  choices: [{ index: 0, message: { role: "assistant", content: "w".repeat(ANSWER_BYTES) } }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
});

let provider: ScriptedProvider;
beforeAll(async () => {
  provider = await startScriptedProvider(goodAnswer);
});
afterAll(() => provider[Symbol.asyncDispose]());

test("it counts as in flight for as long as it takes to read, and no longer", async () => {
  await using tenant = await startTenant(makeSimplePolicy(provider.url));
  const reader = await askForLarge(tenant);
  expect(await inFlight(tenant)).toBe(1);
  let received = 0;
  reader.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received > ANSWER.length) reader.end();
  });
  reader.resume();
  await once(reader, "close");
  expect(received).toBeGreaterThan(ANSWER.length);
  expect(await inFlight(tenant)).toBe(0);
});

test("it is cut off when it takes nothing for its time, and then counts no more", async () => {
  await using tenant = await startTenant(makeSimplePolicy(provider.url), { replyIdleMs: 100 });
  const reader = await askForLarge(tenant);
  await until({ what: "it was cut off" }, async () => (await inFlight(tenant)) === 0);
  // Still served: only this one was cut.
  expect((await chat(tenant)).status).toBe(200);
  let received = 0;
  reader.on("error", () => undefined);
  reader.on("data", (chunk: Buffer) => {
    received += chunk.length;
  });
  reader.resume();
  await once(reader, "close");
  expect(received).toBeLessThan(ANSWER.length);
});

/** Resolves when the answer is settled and on its way to an agent that reads none of it. */
async function askForLarge(tenant: Tenant): Promise<Socket> {
  provider.script(jsonAnswer(ANSWER));
  const { hostname, port, host } = new URL(tenant.url);
  const socket = connect({ host: hostname, port: Number(port) }).pause();
  const body = JSON.stringify({ model: "chat", messages: [], max_tokens: 5 });
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    `host: ${host}`,
    `authorization: Bearer ${tenant.key}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  expect(await tenant.output.record({ model: "chat" })).toMatchObject({ outcome: "success" });
  return socket;
}

async function inFlight({ metrics }: Tenant): Promise<number> {
  const line = (await metrics()).split("\n").find((text) => text.startsWith("headgate_requests_in_flight "));
  return Number(line?.split(" ")[1]);
}
