/** A data plane that is told to end takes no harm: it says so first, finishes what runs, ships its usage, and goes. */
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat, QUESTION } from "../../fixtures/calls.ts";
import { keyOf, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startDataPlane } from "../../harness/planes.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";

test("on SIGTERM it is not ready at once, streams run to their end, usage is shipped, and the exit code is 0", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-drain-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const { url, adminUrl, ready, process } = await startDataPlane({
    controlPlaneUrl: controlPlane.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
  });
  await ready;
  const health = async (path: string) => (await fetch(`${adminUrl}${path}`)).status;
  expect(await health("/readyz")).toBe(200);
  const agent = { url, key: keyOf(policy) };
  await (await chat(agent)).text();

  // One connection is busy, one has never been used, and one is stuck in half a request.
  provider.script({ holdBefore: 5 });
  const response = await chat(agent, { stream: true });
  await provider.nextCall();
  const call = await provider.nextCall();
  await call.held;
  const { hostname, port } = new URL(url);
  const silent = connect(Number(port), hostname);
  const dribbling = connect(Number(port), hostname);
  for (const socket of [silent, dribbling]) socket.on("error", () => socket.destroy());
  await Promise.all([once(silent, "connect"), once(dribbling, "connect")]);
  dribbling.write("POST /v1/chat/completions HTTP/1.1\r\nho");

  const exited = process.kill("SIGTERM");
  while ((await health("/readyz")) !== 503);
  expect(await health("/livez")).toBe(200);
  await expect(chat(agent)).rejects.toThrow();
  call.release();
  expect(await response.text()).toContain("data: [DONE]");
  expect(await exited).toEqual({ code: 0, signal: null });
  expect(controlPlane.usage).toMatchObject([
    { subject: { stream: false }, outcome: "success", accuracy: "reported" },
    { subject: { stream: true }, outcome: "success", accuracy: "reported" },
  ]);
});

test("what still runs at the end of its time is told so in its own dialect, cut, and recorded", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-drain-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const { url, adminUrl, ready, process } = await startDataPlane({
    controlPlaneUrl: controlPlane.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
    env: { HEADGATE_DRAIN_SECONDS: "0" },
  });
  await ready;
  const send = async (body: string, length = body.length) => {
    const head = [
      "POST /v1/chat/completions HTTP/1.1",
      `host: ${new URL(url).host}`,
      `authorization: Bearer ${keyOf(policy)}`,
      "content-type: application/json",
      `content-length: ${length}`,
    ];
    const connection = await openRawConnection(url);
    await connection.send(`${head.join("\r\n")}\r\n\r\n${body}`);
    return connection;
  };
  const asked = { model: "chat", messages: QUESTION, max_tokens: 16 };
  provider.script({ holdBefore: 5 }, { holdBefore: 0 });
  using streamed = await send(JSON.stringify({ ...asked, stream: true }));
  await (await provider.nextCall()).held;
  using whole = await send(JSON.stringify(asked));
  await (await provider.nextCall()).held;
  using unsent = await send("{", 100);
  const inFlight = async () =>
    /requests_in_flight (\d+)/.exec(await (await fetch(`${adminUrl}/metrics`)).text())?.[1];
  while ((await inFlight()) !== "3");

  const exited = process.kill("SIGTERM");
  for (const connection of [whole, unsent]) {
    const { status, body, headers } = await connection.response();
    expect(status).toBe(503);
    expect(headers.get("connection")).toEqual(["close"]);
    expect(JSON.parse(body)).toMatchObject({ error: { headgate_code: "gateway.draining" } });
  }
  await streamed.closed;
  expect(streamed.rest()).toMatch(/data: \{"error":.*"headgate_code":"gateway.draining".*\}\n\n\r\n$/);
  expect(await exited).toEqual({ code: 0, signal: null });
  const printed: { event?: string }[] = process
    .tail()
    .split("\n")
    .map((line) => JSON.parse(line));
  const records = printed.filter(({ event }) => event === "call");
  expect(records).toHaveLength(3);
  for (const [decision, status] of [
    ["allow", 200],
    ["allow", 503],
    ["deny", 503],
  ])
    expect(records).toContainEqual(
      expect.objectContaining({ decision, outcome: "gateway.draining", status }),
    );
  expect(controlPlane.usage).toMatchObject([
    { subject: { stream: true }, status: "settled", outcome: "client_aborted", accuracy: "estimated" },
    { subject: { stream: false }, status: "settled", outcome: "client_aborted", accuracy: "estimated" },
  ]);
});
