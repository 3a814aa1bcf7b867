import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { boundConnections } from "./bound-connections.ts";

async function start(max: number) {
  const busy = new Set<Socket>();
  const server = createServer();
  const bounded = boundConnections(server, max, (socket) => busy.has(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const open = async () => {
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const client = connect(port, "127.0.0.1");
    client.on("error", () => undefined);
    const [socket] = await accepted;
    return { client, socket };
  };
  return { bounded, busy, open };
}

test("one connection more than may be takes the place of the oldest stranger's, before any on which an agent is known", async () => {
  const { bounded, open } = await start(3);
  const known = await open();
  bounded.know(known.socket);
  const strangers = [await open(), await open()];
  await open();
  expect([known, ...strangers].map(({ socket }) => socket.destroyed)).toEqual([false, true, false]);
  expect([bounded.count, bounded.displaced]).toEqual([3, 1]);
});

test("a flood of connections on which nothing is sent displaces each other, and no call that runs", async () => {
  const { bounded, busy, open } = await start(8);
  const call = await open();
  busy.add(call.socket);
  const agent = await open();
  bounded.know(agent.socket);
  for (let more = 0; more < 100; more += 1) await open();
  expect([call, agent].map(({ socket }) => socket.destroyed)).toEqual([false, false]);
  expect(bounded.count).toBe(8);
});

test("where all others are busy it is the new one that goes", async () => {
  const { busy, bounded, open } = await start(2);
  for (const { socket } of [await open(), await open()]) busy.add(socket);
  const late = await open();
  expect(late.socket.destroyed).toBe(true);
  expect([...busy].map(({ destroyed }) => destroyed)).toEqual([false, false]);
  expect(bounded.count).toBe(2);
});
