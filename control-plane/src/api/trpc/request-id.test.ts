import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { createClient, isHeadgateError } from "@headgate/sdk";
import { DATA_PLANE_API } from "@headgate/sdk/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinedDataPlane, READS_NEWEST } from "../../testing/test-data-plane.ts";
import { openTestPlatform, type TestPlatform } from "../../testing/test-platform.ts";

const OURS = /^req_[0-9a-hjkmnp-tv-z]{26}$/;
const THEIRS = "req_00000000000000000000000000";

let platform: TestPlatform;
let url: string;
beforeAll(async () => {
  platform = await openTestPlatform();
  url = await platform.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => platform.close());

test.for<[name: string, status: number, path: string, init: RequestInit]>([
  ["a result", 200, "/trpc/system.info", {}],
  ["an error of a procedure", 401, "/trpc/agents.list", {}],
  ["a procedure that is not there", 404, "/trpc/no.such", {}],
  ["a path that is not there", 404, "/nowhere", {}],
  ["a path with a broken escape", 400, "/%zz", {}],
  ["health", 200, "/livez", {}],
  ["a body that is no JSON", 400, DATA_PLANE_API.join, { method: "POST", body: "{" }],
  ["a join that is refused", 400, DATA_PLANE_API.join, { method: "POST", body: "{}" }],
  ["a data plane without a credential", 401, DATA_PLANE_API.heartbeat, { method: "POST", body: "{}" }],
])("%s bears an id of ours, never the caller's", async ([, status, path, init]) => {
  const headers = { ...READS_NEWEST, "content-type": "application/json", "x-request-id": THEIRS };
  const answer = await fetch(`${url}${path}`, { ...init, headers });
  const id = answer.headers.get("x-request-id");
  expect([answer.status, id]).toEqual([status, expect.stringMatching(OURS)]);
  expect(id).not.toBe(THEIRS);
});

test("answers to a data plane and its event stream bear one each", async () => {
  const { headers } = await joinedDataPlane(platform);
  const end = new AbortController();
  const events = await fetch(`${url}${DATA_PLANE_API.snapshotEvents}`, { headers, signal: end.signal });
  const snapshot = await fetch(`${url}${DATA_PLANE_API.snapshot}`, { headers });
  end.abort();
  const ids = [events, snapshot].map((answer) => answer.headers.get("x-request-id") ?? "");
  expect(new Set(ids).size).toBe(2);
  for (const id of ids) expect(id).toMatch(OURS);
});

test("bytes that are no HTTP are answered in the API's own form, with an id", async () => {
  const { port } = platform.app.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.end("no http\r\n\r\n");
  const answer = await text(socket);
  expect(answer).toMatch(
    /^HTTP\/1\.1 400 .*\r\nx-request-id: req_[0-9a-z]{26}\r\n.*"code":"api\.invalid_input"/s,
  );
});

test("the client's error names the id of the request that failed, another one each time", async () => {
  const client = createClient({ url, credential: "hgo_wrong" });
  const ids = [];
  for (let call = 0; call < 2; call += 1) {
    const error: unknown = await client.tenants.list({}).catch((failure: unknown) => failure);
    if (!isHeadgateError(error)) throw new Error("it did not fail as it should", { cause: error });
    expect(error).toMatchObject({ code: "api.unauthenticated", requestId: expect.stringMatching(OURS) });
    ids.push(error.requestId);
  }
  expect(new Set(ids).size).toBe(2);
});
