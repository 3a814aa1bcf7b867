/** Who calls: a request that cannot be attributed to one agent is refused, in the caller's dialect. */
import type { Dialect, ErrorCode } from "@headgate/sdk/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DIALECTS, expectRefused, header, hostOf } from "./calls.ts";
import { type Gateway, startGateway } from "./gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

function headersWith(...credentials: readonly string[]): string[] {
  return [hostOf(gateway), "content-type: application/json", ...credentials];
}

function credentialFor(dialect: Dialect, key: string): string {
  return dialect === "openai" ? `authorization: Bearer ${key}` : `x-api-key: ${key}`;
}

/** The last character is part of the checksum. */
function withBadChecksum(key: string): string {
  return key.slice(0, -1) + (key.endsWith("2") ? "3" : "2");
}

describe.each(DIALECTS)("in the %s dialect", (dialect) => {
  test("row 1: without a credential the answer is 401 and asks for one", async () => {
    const { response } = await expectRefused(gateway, {
      dialect,
      headers: headersWith(),
      code: "auth.missing_credential",
    });
    expect(header(response, "www-authenticate")).toMatch(/^Bearer\b/);
  });

  test("row 3: a key with a bad checksum is answered exactly as an unknown key", async () => {
    const code: ErrorCode = "auth.invalid_credential";
    const unknown = await expectRefused(gateway, {
      dialect,
      headers: headersWith(credentialFor(dialect, gateway.keys.unknown)),
      code,
    });
    const spoiled = await expectRefused(gateway, {
      dialect,
      headers: headersWith(credentialFor(dialect, withBadChecksum(gateway.keys.good))),
      code,
    });
    expect(withoutIds(spoiled.error)).toEqual(withoutIds(unknown.error));
    expect([...spoiled.response.headers.keys()]).toEqual([...unknown.response.headers.keys()]);
  });

  test("row 3: what is no key at all is answered as an unknown key", async () => {
    for (const key of ["", "x", "hg_live_", "sk-ant-1234", "'; drop table keys; --", "k".repeat(5_000)]) {
      await expectRefused(gateway, {
        dialect,
        headers: headersWith(credentialFor(dialect, key)),
        code: "auth.invalid_credential",
      });
    }
  });

  test("row 4: a disabled agent's key is 403, a revoked key is 401", async () => {
    await expectRefused(gateway, {
      dialect,
      headers: headersWith(credentialFor(dialect, gateway.keys.disabled)),
      code: "auth.agent_disabled",
      status: 403,
    });
    await expectRefused(gateway, {
      dialect,
      headers: headersWith(credentialFor(dialect, gateway.keys.revoked)),
      code: "auth.invalid_credential",
      status: 401,
    });
  });

  test("row 5: two Authorization headers are refused, equal ones too", async () => {
    for (const second of [gateway.keys.good, gateway.keys.unknown]) {
      await expectRefused(gateway, {
        dialect,
        headers: headersWith(`authorization: Bearer ${gateway.keys.good}`, `Authorization: Bearer ${second}`),
        code: "request.duplicate_header",
        status: 400,
      });
    }
  });

  test("row 6: Authorization and x-api-key that differ are refused", async () => {
    await expectRefused(gateway, {
      dialect,
      headers: headersWith(
        `authorization: Bearer ${gateway.keys.good}`,
        `x-api-key: ${gateway.keys.unknown}`,
      ),
      code: "auth.conflicting_credentials",
      status: 400,
    });
  });
});

function withoutIds(error: object): object {
  return { ...error, decision_id: undefined };
}
