import { expect, test } from "vitest";
import { createTestServer, createTestTenant } from "../../testing/index.ts";
import { checkAllowedCidrs } from "./check-allowed-cidrs.ts";

const OPENED = ["10.0.0.0/8", "fd12::/16"];

test.for([["10.0.0.0/8"], ["10.1.0.0/16", "10.2.3.4/32"], ["fd12:1::/32"], []])(
  "%j lies in what the operator has opened",
  (cidrs) => {
    expect(checkAllowedCidrs(cidrs, OPENED)).toHaveLength(cidrs.length);
  },
);

test.for([
  "0.0.0.0/0",
  "10.0.0.0/7",
  "11.0.0.0/8",
  "127.0.0.1/32",
  "8.8.8.8/32",
  "::/0",
  "fd13::/16",
  "::ffff:10.0.0.0/104",
])("%s is not in what the operator has opened", (cidr) => {
  const check = () => checkAllowedCidrs(["10.1.0.0/16", cidr], OPENED);
  expect(check).toThrow(expect.objectContaining({ code: "api.invalid_input", parameter: "allowed_cidrs" }));
  expect(check).toThrow("HEADGATE_PRIVATE_NETWORKS");
});

test.for([
  "169.254.0.0/16",
  "169.254.169.254/32",
  "168.63.129.16/32",
  "fe80::/10",
  "fd00:ec2::254/128",
  "ff02::/16",
  "224.0.0.0/24",
])("%s is never allowed, whatever the operator has opened", (cidr) => {
  expect(() => checkAllowedCidrs([cidr], ["0.0.0.0/0", "::/0"])).toThrow(
    expect.objectContaining({ parameter: "allowed_cidrs" }),
  );
});

test.for(["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::1/129", "x/8", "10.0.0.0/8/8", "10.0.0.0/-1"])(
  "%s is no network",
  (cidr) => {
    expect(() => checkAllowedCidrs(["10.0.0.0/8", cidr], OPENED)).toThrow(
      expect.objectContaining({ parameter: "allowed_cidrs.1" }),
    );
  },
);

test("a tenant can neither create nor change a provider into a network that the operator has not opened", async () => {
  await using server = await createTestServer();
  const { caller } = await createTestTenant(server);
  const provider = { name: "p", dialect: "openai", vendor: "v", base_url: "http://127.0.0.1:1/v1" };
  const inner = { base_url: "http://10.0.0.5", allowed_cidrs: ["10.0.0.0/8"] };
  const refused = await server.call("providers.create", { ...provider, ...inner }, caller);
  expect(refused.error).toMatchObject({ code: "api.invalid_input", parameter: "allowed_cidrs" });
  const { id } = await server.ok<{ id: string }>(
    "providers.create",
    { ...provider, allowed_cidrs: ["127.0.0.1/32"] },
    caller,
  );
  const changed = await server.call("providers.update", { provider_id: id, ...inner }, caller);
  expect(changed.error).toMatchObject({ code: "api.invalid_input", parameter: "allowed_cidrs" });
});
