import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAddressCheck, type EgressGuardOptions, guardedConnector } from "./egress-guard.ts";

const LOOPBACK = ["127.0.0.0/8", "::1/128"];
let server: Server;
let port: number;
let connections = 0;

beforeAll(async () => {
  server = createServer((_, response) => response.end("reached"));
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
});

async function fetchFrom(authority: string, options: Partial<EgressGuardOptions>): Promise<string> {
  const connect = guardedConnector({ allowedCidrs: [], connectTimeoutMs: 5_000, ...options });
  const agent = new Agent({ connect });
  try {
    const { body } = await request(`http://${authority}:${port}/`, { dispatcher: agent });
    return await body.text();
  } catch (cause) {
    return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  } finally {
    await agent.destroy();
  }
}

const resolveTo =
  (...addresses: string[]) =>
  async () =>
    addresses;

test.each(["8.8.8.8", "1.1.1.1", "52.95.110.1", "2606:4700:4700::1111", "2001:4860:4860::8888"])(
  "a global address is let through: %s",
  (address) => {
    expect(createAddressCheck([])(address)).toBe(true);
  },
);

test.each([
  "0.0.0.0",
  "0.1.2.3",
  "10.0.0.1",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.254",
  "168.63.129.16",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.1",
  "192.0.2.1",
  "192.168.1.1",
  "198.18.0.1",
  "203.0.113.1",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::8.8.8.8",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "::ffff:7f00:1",
  "64:ff9b::7f00:1",
  "64:ff9b::8.8.8.8",
  "64:ff9b:1::1",
  "100::1",
  "2001::1",
  "2001:db8::1",
  "2002:7f00:1::",
  "fc00::1",
  "fd00:ec2::254",
  "fe80::1",
  "fe80::1%eth0",
  "fec0::1",
  "ff02::1",
  "",
  "localhost",
  "0x7f000001",
  "127.1",
  "2130706433",
  "8.8.8.8 ",
])("an address that is not global unicast is refused: %s", (address) => {
  expect(createAddressCheck([])(address)).toBe(false);
});

test("a granted network lets exactly its own addresses through", () => {
  const isAllowed = createAddressCheck(["10.1.0.0/16", "fd00:1::/32", "127.0.0.1/32"]);
  for (const address of ["10.1.2.3", "fd00:1::5", "127.0.0.1", "8.8.8.8"])
    expect(isAllowed(address)).toBe(true);
  for (const address of ["10.2.0.1", "fd00:2::5", "127.0.0.2", "::ffff:10.1.2.3"]) {
    expect(isAllowed(address)).toBe(false);
  }
});

test.each([
  "0.0.0.0",
  "100.100.100.200",
  "168.63.129.16",
  "169.254.169.254",
  "192.0.0.192",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::ffff:169.254.169.254",
  "64:ff9b::a9fe:a9fe",
  "2002:a9fe:a9fe::",
  "fd00:ec2::254",
  "fe80::1",
  "fe80::1%eth0",
  "ff02::1",
])("no network lets a link-local, metadata, unspecified or multicast address through: %s", (address) => {
  expect(createAddressCheck(["0.0.0.0/0", "::/0"])(address)).toBe(false);
});

test("a network that is none is refused when the connector is made", () => {
  expect(() => guardedConnector({ allowedCidrs: ["10.0.0.0/40"], connectTimeoutMs: 1 })).toThrow(RangeError);
});

test.each(["127.0.0.1", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433", "127.1", "0"])(
  "a literal in a URL is checked although no look-up is made for it: %s",
  async (literal) => {
    const before = connections;
    expect(await fetchFrom(literal, {})).toBe("upstream.address_refused");
    expect(connections).toBe(before);
  },
);

test("a name that resolves to a refused address is not connected to", async () => {
  const before = connections;
  for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]) {
    expect(await fetchFrom("provider.example", { resolve: resolveTo(address) })).toBe(
      "upstream.address_refused",
    );
  }
  expect(await fetchFrom("provider.example", { resolve: resolveTo() })).toBe("upstream.address_refused");
  expect(connections).toBe(before);
});

test("the connection goes to an address that was checked, and the name is looked up once for it", async () => {
  let lookups = 0;
  const resolve = async () => {
    lookups += 1;
    return lookups === 1 ? ["10.9.9.9", "127.0.0.1"] : ["10.9.9.9"];
  };
  expect(await fetchFrom("provider.example", { resolve, allowedCidrs: LOOPBACK })).toBe("reached");
  expect(lookups).toBe(1);
});

test("a granted literal is connected to", async () => {
  expect(await fetchFrom("127.0.0.1", { allowedCidrs: LOOPBACK })).toBe("reached");
});

test("the system's resolver is used by default, under the same check", async () => {
  expect(await fetchFrom("localhost", {})).toBe("upstream.address_refused");
  expect(await fetchFrom("localhost", { allowedCidrs: LOOPBACK })).toBe("reached");
});

test("a look-up that fails or never ends is an error of its own", async () => {
  const failing = async () => {
    throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  };
  expect(await fetchFrom("provider.example", { resolve: failing })).toBe("ENOTFOUND");
  const endless = () => Promise.withResolvers<string[]>().promise;
  expect(await fetchFrom("provider.example", { resolve: endless, lookupTimeoutMs: 1 })).toBe("EAI_AGAIN");
});
