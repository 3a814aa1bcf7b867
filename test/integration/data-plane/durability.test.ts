/** In the moment in which an agent can see that its answer is complete, its usage is on disk. */
import { connect } from "node:net";
import { join } from "node:path";
import type { UsageEvent } from "@headgate/sdk/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { QUESTION } from "../../fixtures/calls.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { readSpool } from "../../harness/read-spool.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let tenant: Tenant;
beforeAll(async () => {
  provider = await startSimulatedProvider();
  tenant = await startTenant(makeSimplePolicy(provider.url));
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

const CHAT = { model: "chat", messages: QUESTION };
const RESPONSE = { model: "chat", input: "How much water?" };
const MESSAGE = { model: "claude", messages: QUESTION, max_tokens: 16 };
const stream = true;

test.each([
  ["/v1/chat/completions", { ...CHAT, stream }, "[DONE]", "läuft"],
  ["/v1/responses", { ...RESPONSE, stream }, "response.completed", "läuft"],
  ["/v1/messages", { ...MESSAGE, stream }, "message_stop", "läuft"],
  ["/v1/chat/completions", CHAT, "HTTP/1.1 200", undefined],
  ["/v1/responses", RESPONSE, "HTTP/1.1 200", undefined],
  ["/v1/embeddings", { model: "embed", input: "water" }, "HTTP/1.1 200", undefined],
  ["/v1/messages", MESSAGE, "HTTP/1.1 200", undefined],
])("%s with %j is settled when %s is there to be read", async (path, body, end, beginning) => {
  const { atEnd, atBeginning } = await watch(path, body, end, beginning);
  expect(atEnd).toMatchObject([{ status: "settled", outcome: "success", accuracy: "reported" }]);
  // Up to then it is not: what was read at the end was not there by chance.
  if (beginning !== undefined) expect(atBeginning).toEqual([]);
});

interface Seen {
  readonly atEnd: readonly UsageEvent[];
  readonly atBeginning: readonly UsageEvent[];
}

/** Reads the spool within the very turn in which the text arrives. */
function watch(path: string, body: object, end: string, beginning: string | undefined): Promise<Seen> {
  const { hostname, port, host } = new URL(tenant.url);
  const before = tenant.usage().length;
  // The provider stops in the middle until the beginning has been seen.
  provider.script(beginning === undefined ? {} : { holdBefore: 8 });
  const call = provider.nextCall();
  const onDisk = () => readSpool(join(tenant.stateDir, "spool")).slice(before);
  const json = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}`,
    `authorization: Bearer ${tenant.key}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(json)}`,
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = "";
    let atBeginning: readonly UsageEvent[] | undefined;
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      received += chunk.toString();
      if (beginning !== undefined && atBeginning === undefined && received.includes(beginning)) {
        atBeginning = onDisk();
        void call.then(({ release }) => release());
      }
      if (!received.includes(end)) return;
      resolve({ atEnd: onDisk(), atBeginning: atBeginning ?? [] });
      socket.destroy();
    });
    socket.write(`${head.join("\r\n")}\r\n\r\n${json}`);
  });
}
