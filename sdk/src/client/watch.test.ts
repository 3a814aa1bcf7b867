import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient, HeadgateError } from "./index.ts";

let seen: { url: string; headers: Record<string, unknown> }[];
let script: ((response: ServerResponse) => void)[];
let server: ReturnType<typeof createServer>;
let url: string;

beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    seen.push({ url: request.url ?? "", headers: request.headers });
    const next = script.shift();
    if (next === undefined) response.destroy();
    else next(response);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const operation_id = "opn_00000000000000000000000000";
const watch = (options: { signal?: AbortSignal } = {}) =>
  createClient({ url, credential: "key", retryDelayMs: 1 }).operations.watch({ operation_id }, options);
const open = (response: ServerResponse) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("event: connected\ndata: {}\n\n");
};
const event = (seq: number) => `data: ${JSON.stringify({ seq })}\nid: ${seq}\n\n`;
const RETURN = "event: return\ndata: \n\n";

async function all(events: AsyncIterable<{ seq: number }>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { seq } of events) numbers.push(seq);
  return numbers;
}

test("events come one after the other, however they are cut, and end with the server's word", async () => {
  script = [
    (response) => {
      open(response);
      const bytes = Buffer.from(`: ping\n\nevent: ping\ndata: \n\n${event(1)}${event(2)}${RETURN}`);
      for (let at = 0; at < bytes.length; at += 3) response.write(bytes.subarray(at, at + 3));
      response.end();
    },
  ];
  expect(await all(watch())).toEqual([1, 2]);
  expect(seen).toHaveLength(1);
  expect(seen[0]?.headers).toMatchObject({ authorization: "Bearer key", accept: "text/event-stream" });
  expect(decodeURIComponent(seen[0]?.url ?? "")).toBe(
    `/trpc/operations.watch?input={"operation_id":"${operation_id}"}`,
  );
});

test("a connection that breaks is taken up again after the last event that came", async () => {
  const broken = (from: number) => (response: ServerResponse) => {
    open(response);
    response.write(event(from), () => response.destroy());
  };
  script = [
    broken(1),
    broken(2),
    broken(3),
    (response) => {
      open(response);
      response.end(event(4) + RETURN);
    },
  ];
  expect(await all(watch())).toEqual([1, 2, 3, 4]);
  expect(seen.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "1", "2", "3"]);
});

test("failures in a row end it with code network", async () => {
  script = [];
  await expect(all(watch())).rejects.toMatchObject({
    name: "HeadgateError",
    code: "network",
    retryable: true,
  });
  expect(seen).toHaveLength(3);
});

test("an error of the API ends it at once, with its code", async () => {
  const data = { httpStatus: 404, headgate: { code: "api.not_found", message: "none", retryable: false } };
  script = [
    (response) => {
      open(response);
      response.end(
        `event: serialized-error\ndata: ${JSON.stringify({ code: -32_004, message: "none", data })}\n\n`,
      );
    },
  ];
  await expect(all(watch())).rejects.toMatchObject({ code: "api.not_found", status: 404, message: "none" });
  expect(seen).toHaveLength(1);
});

test("what is no stream is told apart as protocol", async () => {
  script = [(response) => response.writeHead(502, { "content-type": "text/html" }).end("<html>")];
  await expect(all(watch())).rejects.toMatchObject({ code: "protocol", status: 502, retryable: true });
});

test("the caller's signal ends it, and so does leaving the loop", async () => {
  const controller = new AbortController();
  const forever = (response: ServerResponse) => {
    open(response);
    response.write(event(1));
  };
  script = [forever, forever];
  const reason = new Error("enough");
  const watching = (async () => {
    for await (const _ of watch({ signal: controller.signal })) controller.abort(reason);
  })();
  await expect(watching).rejects.toSatisfy(
    (error) => error instanceof HeadgateError && error.code === "network" && error.cause === reason,
  );
  const closed = new Promise((resolve) =>
    server.once("request", (request) => request.once("close", resolve)),
  );
  for await (const _ of watch()) break;
  await closed;
});
