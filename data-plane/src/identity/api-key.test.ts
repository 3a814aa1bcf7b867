import { createHmac, randomBytes } from "node:crypto";
import { makeApiKey, type SnapshotKeyRow } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import type { CompiledAgent } from "../policy/compiled-agent.ts";
import { createIdentify } from "./api-key.ts";

const pepper = randomBytes(32);
const NOW = Date.UTC(2026, 0, 1);

function setUp(row: Partial<SnapshotKeyRow> = {}, disabled = false) {
  const agent: CompiledAgent = {
    id: makeId("agent"),
    name: "one",
    labels: {},
    usageLabels: {},
    input: { id: "agt_1", name: "one", labels: {}, capabilities: [] },
    disabled,
  };
  const { key, handle } = makeApiKey(randomBytes);
  const known: SnapshotKeyRow = {
    id: makeId("key"),
    agent_id: agent.id,
    handle,
    hash: createHmac("sha256", pepper).update(key).digest("hex"),
    revoked: false,
    expires_at: null,
    ...row,
  };
  const identify = createIdentify([known], new Map([[agent.id, agent]]), pepper);
  return { agent, key, handle, known, identify };
}

test("a key is its agent's, at the first time and when remembered", () => {
  const { agent, key, known, identify } = setUp();
  const expected = { ok: true, principal: { agent, credential: { kind: "api_key", key_id: known.id } } };
  expect(identify(key, NOW)).toEqual(expected);
  expect(identify(key, NOW)).toEqual(expected);
});

test("no single wrong character is let pass: it is told as a typo, without any look-up", () => {
  const { key, identify } = setUp();
  identify(key, NOW);
  for (const presented of typosOf(key)) {
    expect(identify(presented, NOW)).toEqual({
      ok: false,
      reason: "malformed",
      principal: undefined,
    });
  }
});

test("a key is not let pass with something before or after it", () => {
  const { key, identify } = setUp();
  identify(key, NOW);
  for (const presented of [` ${key}`, `${key} `, `${key}\0`, key.slice(0, -1), "", key.toUpperCase()]) {
    expect(identify(presented, NOW)).toEqual({
      ok: false,
      reason: "malformed",
      principal: undefined,
    });
  }
});

test("another tenant's key, or another secret with a known handle, is unknown and tells nothing of the key", () => {
  const { handle, identify } = setUp();
  const unknown = { ok: false, reason: "unknown", principal: undefined };
  expect(identify(makeApiKey(randomBytes).key, NOW)).toEqual(unknown);
  expect(identify(keyWithHandle(handle), NOW)).toEqual(unknown);
});

test("the same row under another tenant's pepper identifies nobody", () => {
  const { agent, key, known } = setUp();
  const elsewhere = createIdentify([known], new Map([[agent.id, agent]]), randomBytes(32));
  expect(elsewhere(key, NOW)).toEqual({ ok: false, reason: "unknown", principal: undefined });
});

test("a revoked key is told from an unknown one, for the record", () => {
  const { agent, key, known, identify } = setUp({ revoked: true });
  const expected = {
    ok: false,
    reason: "revoked",
    principal: { agent, credential: { kind: "api_key", key_id: known.id } },
  };
  expect(identify(key, NOW)).toEqual(expected);
  expect(identify(key, NOW)).toEqual(expected);
});

test("a key of a disabled agent is refused", () => {
  const { agent, key, known, identify } = setUp({}, true);
  expect(identify(key, NOW)).toEqual({
    ok: false,
    reason: "agent_disabled",
    principal: { agent, credential: { kind: "api_key", key_id: known.id } },
  });
});

test("a key expires at its moment, also when it is remembered", () => {
  const { agent, key, known, identify } = setUp({ expires_at: NOW });
  const expired = {
    ok: false,
    reason: "expired",
    principal: { agent, credential: { kind: "api_key", key_id: known.id } },
  };
  expect(identify(key, NOW)).toEqual(expired);
  expect(identify(key, NOW - 1)).toMatchObject({ ok: true });
  expect(identify(key, NOW)).toEqual(expired);
});

function typosOf(key: string): string[] {
  const typos: string[] = [];
  for (let index = 0; index < key.length; index += 1) {
    const replacement = key[index] === "x" ? "y" : "x";
    typos.push(key.slice(0, index) + replacement + key.slice(index + 1));
  }
  return typos;
}

/** A well-formed key of another secret: the first bytes drawn spell the handle. */
function keyWithHandle(handle: string): string {
  const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  const spelled = Uint8Array.from(handle, (letter) => base58.indexOf(letter));
  let drawn = 0;
  return makeApiKey((count) => {
    drawn += 1;
    return drawn === 1 ? spelled : randomBytes(count);
  }).key;
}
