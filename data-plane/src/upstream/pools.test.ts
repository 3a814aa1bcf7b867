import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";
import { createUpstreamPools } from "./pools.ts";
import { makeTarget } from "./testing/make-target.ts";

const NO_TARGETS = { models: new Map() } as unknown as CompiledPolicy;

afterEach(() => {
  vi.useRealTimers();
});

test("targets of one origin connect each in their own time", async () => {
  // It takes connections and never greets.
  const sockets = new Set<Socket>();
  const mute = createTcpServer((socket) => void sockets.add(socket.on("error", () => undefined)));
  mute.listen(0, "127.0.0.1");
  await once(mute, "listening");
  const origin = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
  const pools = createUpstreamPools();
  const get = (connectMs: number) =>
    pools.poolFor(makeTarget(origin, { connect_ms: connectMs })).request({ method: "GET", path: "/" });
  let patientEnded = false;
  const patient = get(600_000).catch(() => {
    patientEnded = true;
  });
  await expect(get(50)).rejects.toMatchObject({ code: "UND_ERR_CONNECT_TIMEOUT" });
  expect(patientEnded).toBe(false);
  await pools.close();
  await patient;
  for (const socket of sockets) socket.destroy();
  mute.close();
});

test("targets that connect alike share their connections", async () => {
  const pools = createUpstreamPools();
  const origin = "http://127.0.0.1:9";
  expect(pools.poolFor(makeTarget(origin, { connect_ms: 500 }))).toBe(
    pools.poolFor(makeTarget(origin, { connect_ms: 500 })),
  );
  await pools.close();
});

test("a call admitted before a change of policy that drops its target is served, whenever it comes to be sent", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const server = createServer((_request, response) => void response.end("served"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const target = makeTarget(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    connect_ms: 5_000,
  });
  const pools = createUpstreamPools();
  const get = async () => {
    const { body } = await pools.poolFor(target).request({ method: "GET", path: "/" });
    return body.text();
  };
  const admitted = pools.poolFor(target);
  pools.retain(NO_TARGETS);
  expect(await get()).toBe("served");
  expect(admitted.closed).toBe(false);
  vi.advanceTimersByTime(60_000);
  expect(admitted.closed).toBe(true);
  // One that has been trying its other targets all this time.
  expect(await get()).toBe("served");
  await pools.close();
  server.close();
});
