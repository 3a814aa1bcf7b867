/**
 * Who presents a key. A key that was found good is remembered for as long as this policy stands, so that its hash is
 * computed once for each revision; a key that is unknown costs the same hash as one that is known but wrong.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { apiKeyHandle, type Id, type SnapshotKeyRow } from "@headgate/sdk/contract";
import type { CompiledAgent } from "../policy/compiled-agent.ts";
import type { Identification, Principal } from "./principal.ts";

/** Handles are unique and every key's agent exists: the caller has checked both. */
export function createIdentify(
  rows: readonly SnapshotKeyRow[],
  agents: ReadonlyMap<Id<"agent">, CompiledAgent>,
  pepper: Uint8Array,
): (presentedKey: string, wallMs: number) => Identification {
  const byHandle = new Map<string, KnownKey>();
  for (const row of rows) {
    const agent = agents.get(row.agent_id);
    if (agent !== undefined) byHandle.set(row.handle, toKnownKey(row, agent));
  }
  const good = new Map<string, KnownKey>();

  return (presentedKey, wallMs) => {
    const remembered = good.get(presentedKey);
    if (remembered !== undefined)
      return wallMs < remembered.expiresAt ? remembered.identified : remembered.expired;
    const handle = apiKeyHandle(presentedKey);
    if (handle === undefined) return MALFORMED;
    const key = byHandle.get(handle);
    const hash = createHmac("sha256", pepper).update(presentedKey).digest();
    if (!timingSafeEqual(hash, key?.hash ?? NO_HASH) || key === undefined) return UNKNOWN;
    if (key.refused !== undefined) return key.refused;
    if (wallMs >= key.expiresAt) return key.expired;
    good.set(presentedKey, key);
    return key.identified;
  };
}

interface KnownKey {
  readonly hash: Uint8Array;
  /** Unix milliseconds, infinite for never. */
  readonly expiresAt: number;
  readonly identified: Identification;
  readonly expired: Identification;
  /** Whatever the time. */
  readonly refused: Identification | undefined;
}

function toKnownKey(row: SnapshotKeyRow, agent: CompiledAgent): KnownKey {
  const principal: Principal = { agent, credential: { kind: "api_key", key_id: row.id } };
  const refused = { ok: false, principal } as const;
  return {
    hash: Buffer.from(row.hash, "hex"),
    expiresAt: row.expires_at ?? Number.POSITIVE_INFINITY,
    identified: { ok: true, principal },
    expired: { ...refused, reason: "expired" },
    refused: row.revoked
      ? { ...refused, reason: "revoked" }
      : agent.disabled
        ? { ...refused, reason: "agent_disabled" }
        : undefined,
  };
}

const NO_HASH = Buffer.alloc(32);
const MALFORMED: Identification = { ok: false, reason: "malformed", principal: undefined };
const UNKNOWN: Identification = { ok: false, reason: "unknown", principal: undefined };
