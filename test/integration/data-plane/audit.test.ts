/** Every request leaves exactly one record, however it ends, and the caller holds its number. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type SimulatedCall,
  type SimulatedProvider,
  startSimulatedProvider,
} from "../../doubles/provider/simulated-provider.ts";
import { chat, message, post, QUESTION } from "../../fixtures/calls.ts";
import { makeLimit, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let tenant: Tenant;
let before: number;
beforeAll(async () => {
  provider = await startSimulatedProvider();
  tenant = await startTenant(
    makeSimplePolicy(provider.url, {
      models: [
        { name: "chat", targets: [{ provider: "open", model: "sim-small" }] },
        { name: "limited", targets: [{ provider: "open", model: "sim-small" }] },
        { name: "failing", targets: [{ provider: "open", model: "sim-a@status-500" }] },
        { name: "refusing", targets: [{ provider: "open", model: "sim-a@status-400" }] },
        { name: "claude", targets: [{ provider: "anth", model: "sim-claude" }] },
      ],
      limits: [makeLimit({ metric: "tokens", max: 1, window_seconds: 60, match: { models: ["limited"] } })],
    }),
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await settled();
  before = tenant.output.records().length;
});

describe("one record with the caller's decision id is left by a call that is", () => {
  test.each([
    ["allowed", () => chat(tenant), "allow", "success"],
    ["streamed", () => chat(tenant, { stream: true }), "allow", "success"],
    ["answered by the gateway", () => get("/v1/models"), "allow", "success"],
    ["failed", () => chat(tenant, { model: "failing" }), "allow", "upstream.error"],
    ["refused by the provider", () => chat(tenant, { model: "refusing" }), "allow", "upstream_refused"],
    ["without a credential", () => fetch(`${tenant.url}/v1/models`), "deny", "auth.missing_credential"],
    [
      "without a good credential",
      () => chat({ url: tenant.url, key: "hg_no" }),
      "deny",
      "auth.invalid_credential",
    ],
    ["to an unknown path", () => post(tenant, "/v2/other", {}), "deny", "request.unknown_endpoint"],
    ["to an unknown model", () => message(tenant, { model: "nope" }), "deny", "model.not_found"],
    ["over a limit", () => chat(tenant, { model: "limited" }), "deny", "limit.tokens"],
    ["badly formed", () => post(tenant, "/v1/messages", { model: 7 }), "deny", "request.invalid_parameter"],
  ] as const)("%s", async (_what, call, decision, outcome) => {
    const response = await call();
    await response.text();
    const record = await onlyRecord();
    expect(record).toMatchObject({
      decision,
      outcome,
      status: response.status,
      decision_id: response.headers.get("x-headgate-decision"),
      request_id: response.headers.get("x-request-id"),
    });
  });

  test("aborted by a reset while its body was on the way", async () => {
    const socket = await send(`${headOf("/v1/chat/completions", "content-length: 500")}{"model":`);
    await metricIs("headgate_requests_in_flight", 1);
    socket.resetAndDestroy();
    expect(await onlyRecord()).toMatchObject({ outcome: "client_aborted", status: 0 });
  });

  test.each([
    ["that ends too early", "content-length: 500", '{"model":'],
    ["that is badly framed", "transfer-encoding: chunked", '9\r\n{"model":\r\nno length\r\n'],
  ])("with a body %s", async (_what, framing, body) => {
    using connection = await openRawConnection(tenant.url);
    await connection.send(headOf("/v1/chat/completions", framing) + body);
    connection.end();
    const response = await connection.response();
    expect(response.status).toBe(400);
    expect(await onlyRecord()).toMatchObject({
      outcome: "request.malformed",
      status: 400,
      decision_id: response.headers.get("x-headgate-decision")?.[0],
      agent_id: expect.any(String),
    });
  });

  test("aborted by a reset in the middle of its stream", async () => {
    provider.script({ holdBefore: 5 });
    const socket = await ask({ model: "chat", messages: QUESTION, stream: true });
    const [data] = (await once(socket, "data")) as [Buffer];
    socket.resetAndDestroy();
    const record = await onlyRecord();
    expect(record).toMatchObject({ decision: "allow", outcome: "client_aborted", status: 200 });
    expect(data.toString()).toContain(`x-headgate-decision: ${record.decision_id}`);
  });

  test("unreadable", async () => {
    using connection = await openRawConnection(tenant.url);
    await connection.send("this is not HTTP\r\n\r\n");
    const response = await connection.response();
    expect(response.status).toBe(400);
    expect(await onlyRecord()).toMatchObject({
      decision: "deny",
      outcome: "request.malformed",
      decision_id: response.headers.get("x-headgate-decision")?.[0],
    });
  });
});

test("a connection that ends without a request leaves no record", async () => {
  for (const end of ["resetAndDestroy", "end"] as const) {
    const { hostname, port } = new URL(tenant.url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket[end]();
    await once(socket, "close");
  }
  const used = await ask({ model: "nope" });
  await once(used, "data");
  used.resetAndDestroy();
  expect(await onlyRecord()).toMatchObject({ outcome: "model.not_found" });
});

test("garbage behind a call that still runs does not get into its stream, which comes whole and ends the connection", async () => {
  provider.script({ holdBefore: 5 });
  const socket = await ask({ model: "chat", messages: QUESTION, stream: true });
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
  });
  await once(socket, "data");
  socket.write("garbage\r\n\r\n");
  (await newestCall()).release();
  await once(socket, "close");
  expect(received).toContain("data: [DONE]");
  expect(received).not.toContain("HTTP/1.1 400");
  expect(received).not.toContain("request.malformed");
  await tenant.output.record({
    outcome: "success",
    request_id: /x-request-id: (\S+)/.exec(received)?.[1],
  });
  await settled();
  expect(recordsOfTest().filter(({ decision }) => decision === "allow")).toHaveLength(1);
});

/** Of those that the provider was sent. */
async function newestCall(): Promise<SimulatedCall> {
  for (;;) {
    const call = await provider.nextCall();
    if (call.entry === provider.ledger.at(-1)) return call;
  }
}

function get(path: string): Promise<Response> {
  return fetch(`${tenant.url}${path}`, { headers: { authorization: `Bearer ${tenant.key}` } });
}

function headOf(path: string, framing: string): string {
  return [
    `POST ${path} HTTP/1.1`,
    `host: ${new URL(tenant.url).host}`,
    `authorization: Bearer ${tenant.key}`,
    "content-type: application/json",
    framing,
    "",
    "",
  ].join("\r\n");
}

function ask(body: object): Promise<Socket> {
  const json = JSON.stringify(body);
  return send(headOf("/v1/chat/completions", `content-length: ${Buffer.byteLength(json)}`) + json);
}

async function send(bytes: string): Promise<Socket> {
  const { hostname, port } = new URL(tenant.url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write(bytes);
  return socket;
}

/** The one record since the test began, once nothing is under way that could leave another. */
async function onlyRecord() {
  await settled();
  const records = recordsOfTest();
  expect(records).toHaveLength(1);
  const [record] = records;
  if (record === undefined) throw new Error("no record");
  return record;
}

/** Without the marks that `settled` makes. */
function recordsOfTest() {
  return tenant.output.records().filter(({ request_id }, index) => index >= before && !marks.has(request_id));
}
const marks = new Set<string>();

/** Nothing is in flight, and what came in before this has been seen: another call has gone all the way. */
async function settled(): Promise<void> {
  await metricIs("headgate_requests_in_flight", 0);
  const mark = (await get("/v1/mark")).headers.get("x-request-id") ?? "";
  marks.add(mark);
  await tenant.output.record({ request_id: mark });
}

async function metricIs(name: string, value: number): Promise<void> {
  while (!(await tenant.metrics()).includes(`\n${name} ${value}\n`));
}
