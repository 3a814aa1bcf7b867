/** A data plane that is told to end takes no harm: it says so first, finishes what runs, ships its usage, and goes. */
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { keyOf, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startDataPlane } from "../../harness/planes.ts";

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

test("what still runs at the end of its time is cut, and recorded", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-drain-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const { url, ready, process } = await startDataPlane({
    controlPlaneUrl: controlPlane.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
    env: { HEADGATE_DRAIN_SECONDS: "0" },
  });
  await ready;
  provider.script({ holdBefore: 5 });
  const response = await chat({ url, key: keyOf(policy) }, { stream: true });
  await (await provider.nextCall()).held;
  const exited = process.kill("SIGTERM");
  await expect(response.text()).rejects.toThrow();
  expect(await exited).toEqual({ code: 0, signal: null });
  expect(controlPlane.usage).toMatchObject([
    { subject: { stream: true }, status: "settled", outcome: "client_aborted", accuracy: "estimated" },
  ]);
});
