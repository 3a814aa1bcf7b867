/** A path means one thing: what another reader could normalise into another endpoint is refused. */
import { afterAll, beforeAll, describe, test } from "vitest";
import { DIALECTS, expectRefused, pathOf } from "./calls.ts";
import { type Gateway, startGateway } from "./gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe.each(DIALECTS)("in the %s dialect", (dialect) => {
  const path = pathOf(dialect);
  test.each([
    `${path}/../admin`,
    `/v1/../v1${path.slice(3)}`,
    `${path}/.`,
    `/.${path}`,
    `${path}/%2e%2e%2fadmin`,
    `${path}/%2E%2E/admin`,
    `${path}%00`,
    `${path}%0d%0aset-cookie:a`,
    `/${path}`,
    `${path}/..%5cadmin`,
  ])("row 16: %s is 400, not what it may be normalised to", async (target) => {
    await expectRefused(gateway, { dialect, target, code: "request.bad_path", status: 400 });
  });

  test.each([`${path}%`, `${path}%z1`, `${path}%4`, `${path}%c3%28`, `${path}%ff`])(
    "row 17: the bad percent escape in %s is 400 in the route's shape",
    async (target) => {
      await expectRefused(gateway, { dialect, target, code: "request.bad_path", status: 400 });
    },
  );

  test("a path that is in normal form and nobody's is 404 in the client's shape", async () => {
    await expectRefused(gateway, {
      dialect,
      target: "/v1/nothing",
      code: "request.unknown_endpoint",
      status: 404,
    });
  });
});
