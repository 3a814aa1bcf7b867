import { createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { openRawConnection } from "./raw-connection.ts";

const servers: AsyncDisposable[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

test("responses are read one by one, whatever frames their bodies", async () => {
  const url = await serving((socket) => {
    socket.write(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nContent-Length: 3\r\n\r\nabc",
    );
    socket.end(
      "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nl\u00e4\r\n1\r\nx\r\n0\r\n\r\nmore",
    );
  });
  using connection = await openRawConnection(url);
  const first = await connection.response();
  expect(first).toMatchObject({ status: 200, body: "abc" });
  expect(first.headers.get("a")).toEqual(["1", "2"]);
  expect(await connection.response()).toMatchObject({ status: 201, body: "l\u00e4x" });
  expect(await connection.closed).toBe("end");
  expect(connection.rest()).toBe("more");
});

test("an answer without a length ends with the connection", async () => {
  const url = await serving((socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nall of it"));
  using connection = await openRawConnection(url);
  expect(await connection.response()).toMatchObject({ body: "all of it" });
});

test("a connection that breaks within a response is told apart from one that ends", async () => {
  const url = await serving((socket) => {
    socket.once("data", () =>
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", () => socket.resetAndDestroy()),
    );
  });
  using connection = await openRawConnection(url);
  await connection.send("GET / HTTP/1.1\r\n\r\n");
  await expect(connection.response()).rejects.toThrow(/ended \(reset\).*abc/s);
  expect(await connection.closed).toBe("reset");
});

test("exactly the given bytes are sent", async () => {
  const url = await serving((socket) => socket.pipe(socket));
  using connection = await openRawConnection(url);
  await connection.send("GET /\u0000 HTTP/1.1\n\r");
  await connection.received("HTTP/1.1\n\r");
  expect(connection.rest()).toBe("GET /\u0000 HTTP/1.1\n\r");
});

async function serving(onConnection: (socket: Socket) => void): Promise<string> {
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return `http://127.0.0.1:${address.port}`;
}
