import { expect, test } from "vitest";
import type { Identification, Principal } from "../identity/principal.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Gateway } from "../pipeline/stage.ts";
import { identify } from "./identify.ts";

const principal = {
  agent: { id: "agt_1" },
  credential: { kind: "api_key", key_id: "key_1" },
} as unknown as Principal;
const gateway = {
  clock: { wallMs: () => 1 },
  protocols: { credentialHeaders: ["x-api-key", "x-goog-api-key"] },
} as unknown as Gateway;

function exchangeOf(
  head: Record<string, string>,
  identified: Identification | Promise<Identification>,
  suspended = false,
): Exchange {
  return { head, policy: { identify: () => identified, suspended } } as unknown as Exchange;
}

test("a caller who is told at once is let on without a promise", () => {
  const exchange = exchangeOf({ authorization: "Bearer k" }, { ok: true, principal });
  expect(identify.run(exchange, gateway)).toBeUndefined();
  expect(exchange.principal).toBe(principal);
});

test("a caller who has to be asked after is waited for, and let on or refused as any other", async () => {
  const known = exchangeOf({ authorization: "Bearer k" }, Promise.resolve({ ok: true, principal }));
  const verdict = identify.run(known, gateway);
  expect(verdict).toBeInstanceOf(Promise);
  expect(known.principal).toBeUndefined();
  await expect(verdict).resolves.toBeUndefined();
  expect(known.principal).toBe(principal);

  const disabled = { ok: false, reason: "agent_disabled", principal } as const;
  const refused = exchangeOf({ authorization: "Bearer k" }, Promise.resolve(disabled));
  await expect(identify.run(refused, gateway)).resolves.toEqual({ code: "auth.agent_disabled" });
  expect(refused.principal).toBe(principal);

  const late = exchangeOf({ authorization: "Bearer k" }, Promise.resolve({ ok: true, principal }), true);
  await expect(identify.run(late, gateway)).resolves.toEqual({ code: "tenant.suspended" });
});

test("two credentials of ours that differ are a conflict, wherever clients put them; the same one twice is not", async () => {
  const identified: Identification = { ok: true, principal };
  const run = async (head: Record<string, string>) => identify.run(exchangeOf(head, identified), gateway);
  const conflict = { code: "auth.conflicting_credentials" };
  expect(await run({})).toEqual({ code: "auth.missing_credential" });
  expect(await run({ authorization: "Bearer a", "x-goog-api-key": "b" })).toEqual(conflict);
  expect(await run({ "x-api-key": "a", "x-goog-api-key": "b" })).toEqual(conflict);
  expect(await run({ authorization: "bearer a", "x-api-key": "a", "x-goog-api-key": "a" })).toBeUndefined();
});

test("a credential that is not in the form of ours, or an empty one, is passed over beside one that is", async () => {
  const MALFORMED = { ok: false, reason: "malformed", principal: undefined } as const;
  const UNKNOWN = { ok: false, reason: "unknown", principal: undefined } as const;
  const known = new Map<string, Identification>([
    ["ours", { ok: true, principal }],
    ["of-ours-and-unknown", UNKNOWN],
  ]);
  const run = async (head: Record<string, string>) => {
    const policy = { identify: async (key: string) => known.get(key) ?? MALFORMED, suspended: false };
    return identify.run({ head, policy } as unknown as Exchange, gateway);
  };
  const conflict = { code: "auth.conflicting_credentials" };
  const invalid = { code: "auth.invalid_credential" };
  for (const authorization of ["Bearer ", "bearer", "Bearer sk-1", "Basic x", "Bearer ours"]) {
    expect(await run({ authorization, "x-api-key": "ours" })).toBeUndefined();
    expect(await run({ authorization, "x-api-key": "ours", "x-goog-api-key": "sk-2" })).toBeUndefined();
  }
  expect(
    await run({ authorization: "Bearer ours", "x-api-key": "sk", "x-goog-api-key": "sk" }),
  ).toBeUndefined();
  expect(await run({ authorization: "Bearer of-ours-and-unknown", "x-api-key": "ours" })).toEqual(conflict);
  expect(await run({ authorization: "Bearer a", "x-api-key": "b" })).toEqual(invalid);
  expect(await run({ authorization: "Bearer ", "x-api-key": "" })).toEqual(invalid);
});
