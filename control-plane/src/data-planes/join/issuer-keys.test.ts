import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import { expect, test } from "vitest";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createIssuerKeys } from "./issuer-keys.ts";

const URL_OF_KEYS = "https://issuer.example/openid/v1/jwks";

async function key(kid: string) {
  const { publicKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" };
}

async function setUp() {
  const clock = createFakeClock();
  const served = { keys: [await key("one")], asked: 0, fails: false };
  const keys = createIssuerKeys({
    clock,
    fetchText: async () => {
      served.asked += 1;
      if (served.fails) throw new Error("away");
      return JSON.stringify({ keys: served.keys });
    },
  });
  const issuer = { url: "https://issuer.example", jwks_url: URL_OF_KEYS };
  const find = (kid: string) => keys.keyFor(issuer, { alg: "ES256", kid });
  return { clock, served, keys, issuer, find };
}

test("fetched keys are kept, and fetched anew for a key that is not known, though not at each such token", async () => {
  const { clock, served, find } = await setUp();
  await find("one");
  await find("one");
  expect(served.asked).toBe(1);
  for (let token = 0; token < 5; token += 1) await expect(find("two")).rejects.toThrow();
  expect(served.asked).toBe(1);
  served.keys.push(await key("two"));
  clock.advance(30_000);
  await find("two");
  expect(served.asked).toBe(2);
  clock.advance(600_000);
  await find("one");
  expect(served.asked).toBe(3);
});

test("many at once ask once", async () => {
  const { served, find } = await setUp();
  await Promise.all(Array.from({ length: 10 }, () => find("one")));
  expect(served.asked).toBe(1);
});

test("keys that were fetched stay good while their place is away; without any a token cannot be judged", async () => {
  const { clock, served, find } = await setUp();
  await find("one");
  served.fails = true;
  clock.advance(3_600_000);
  await find("one");
  expect(served.asked).toBe(2);
  const fresh = await setUp();
  fresh.served.fails = true;
  await expect(fresh.find("one")).rejects.toThrow("cannot be fetched");
  await expect(fresh.find("one")).rejects.toThrow("cannot be fetched");
  expect(fresh.served.asked).toBe(1);
});

test.each([
  ["http://issuer.example/keys", true],
  ["http://127.0.0.1/keys", false],
  ["file:///etc/passwd", true],
  ["http://169.254.169.254/keys", true],
  ["nonsense", true],
])("keys are not fetched from %s", async (jwks_url, allow_http) => {
  const { served, keys } = await setUp();
  const issuer = { url: "https://issuer.example", jwks_url, allow_http };
  await expect(keys.keyFor(issuer, { alg: "ES256", kid: "one" })).rejects.toThrow("may be asked");
  expect(served.asked).toBe(0);
});

test("keys that came with the region are used as they are, and no other place is asked", async () => {
  const { served, keys } = await setUp();
  const issuer = {
    url: "https://issuer.example",
    jwks: { keys: [await key("given")] },
    jwks_url: URL_OF_KEYS,
  };
  await keys.keyFor(issuer, { alg: "ES256", kid: "given" });
  await expect(keys.keyFor(issuer, { alg: "ES256", kid: "one" })).rejects.toThrow();
  expect(served.asked).toBe(0);
});

test.each([
  ["an answer that is too large", (write: (text: string) => void) => write(" ".repeat(300 * 1024))],
  ["an answer that is no key set", (write: (text: string) => void) => write("[]")],
])("%s is as good as none", async (_, answer) => {
  const server = createServer((_request, response) => {
    answer((text) => response.end(text));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const keys = createIssuerKeys({ clock: createFakeClock() });
  const issuer = { url: "https://i", jwks_url: `http://127.0.0.1:${port}/`, allow_http: true };
  await expect(keys.keyFor(issuer, { alg: "ES256", kid: "one" })).rejects.toThrow("cannot be fetched");
  server.closeAllConnections();
  server.close();
});

test("a redirect is not followed", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/keys") response.end('{"keys":[]}');
    else response.writeHead(302, { location: "/keys" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const keys = createIssuerKeys({ clock: createFakeClock() });
  const issuer = { url: "https://i", jwks_url: `http://127.0.0.1:${port}/`, allow_http: true };
  await expect(keys.keyFor(issuer, { alg: "ES256", kid: "one" })).rejects.toThrow("cannot be fetched");
  server.closeAllConnections();
  server.close();
});
