/** What a call costs when nothing comes back depends on whether the provider ever had the request. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

/** Takes connections and never greets: no request is ever sent over them. */
let mute: Server;
let provider: SimulatedProvider;
let tenant: Tenant;
let seen: number;
beforeAll(async () => {
  mute = createServer((socket: Socket) => void socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(mute, "listening");
  provider = await startSimulatedProvider();
  const timeouts = { first_byte_ms: 100 };
  tenant = await startTenant(
    makeTenantPolicy({
      providers: [
        { name: "open", url: provider.url },
        { name: "mute", url: `https://127.0.0.1:${(mute.address() as AddressInfo).port}` },
      ],
      models: [
        { name: "unreached", targets: [{ provider: "mute", model: "sim-a" }] },
        { name: "unreached-in-time", targets: [{ provider: "mute", model: "sim-a", timeouts }] },
        { name: "unanswered-in-time", targets: [{ provider: "open", model: "sim-a@hang", timeouts }] },
      ],
    }),
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  mute.close();
});
beforeEach(() => {
  seen = tenant.usage().length;
});

test("an agent that leaves before the provider has its request is charged nothing", async () => {
  const leave = new AbortController();
  const connected = once(mute, "connection");
  const response = chat(tenant, { model: "unreached" }, { signal: leave.signal });
  await connected;
  leave.abort();
  await expect(response).rejects.toThrow();
  await tenant.output.record({ model: "unreached" });
  expect(tenant.usage().slice(seen)).toMatchObject([
    { outcome: "client_aborted", usage: {}, accuracy: "none" },
  ]);
  expect(tenant.usage().at(-1)?.usage).toEqual({});
});

test("a time that runs out before the provider has the request charges nothing", async () => {
  const response = await chat(tenant, { model: "unreached-in-time" });
  expect(response.status).toBe(504);
  expect(tenant.usage().slice(seen)).toMatchObject([{ outcome: "upstream_timeout", accuracy: "none" }]);
  expect(tenant.usage().at(-1)?.usage).toEqual({});
});

test("a time that runs out before the first byte charges the input, as an estimate", async () => {
  const response = await chat(tenant, { model: "unanswered-in-time" });
  expect(response.status).toBe(504);
  expect(tenant.usage().slice(seen)).toMatchObject([{ outcome: "upstream_timeout", accuracy: "estimated" }]);
  expect(tenant.usage().at(-1)?.usage).toEqual({ input_uncached: expect.any(Number) });
});
