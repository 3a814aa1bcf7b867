/**
 * The token that makes a process a tenant's data plane. It is used once, within 15 minutes; the database knows only
 * its hash. A data plane has one at most: neither an older one nor a join leaves another that could take its place.
 */
import { type Id, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { sha256Hex } from "../../lib/canonical-json.ts";
import type { Random } from "../../lib/make-id.ts";
import { requireFound } from "../../lib/require-found.ts";
import { findDataPlane } from "../repository.ts";
import { insertToken, spendToken, voidTokens } from "./repository.ts";

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const TOKEN_CHARS = 40;

/** Makes a token for a data plane in place of any other and returns it; it cannot be read again. Faults: `api.not_found`. */
export async function issueJoinToken(
  tx: TenantTx,
  dataPlaneId: Id<"dataPlane">,
  { now, random }: { now: number; random: Random },
): Promise<string> {
  const { tenant_id } = requireFound(await findDataPlane(tx, dataPlaneId));
  const token = newJoinToken(random);
  await voidTokens(tx, dataPlaneId);
  const expires_at = now + JOIN_TOKEN_LIFETIME_MS;
  const hash = sha256Hex(token);
  await insertToken(tx, { tenant_id, hash, data_plane_id: dataPlaneId, created_at: now, expires_at });
  return token;
}

/**
 * Spends the token and voids every other of its data plane. False if it was spent or voided before, or is too old:
 * of any number of attempts one wins. The caller holds the lock on the tenant's row.
 */
export async function spendJoinToken(tx: TenantTx, token: string, now: number): Promise<boolean> {
  const hash = sha256Hex(token);
  const dataPlaneId = await spendToken(tx, hash, now);
  if (dataPlaneId !== undefined) await voidTokens(tx, dataPlaneId, hash);
  return dataPlaneId !== undefined;
}

/** The form of single-use tokens and of join secrets alike: 234 random bits. */
export function newJoinToken(random: Random): string {
  return `hgj_${base58(random)}`;
}

/** Bytes of 232 and above are skipped: 232 is the largest multiple of 58 in a byte. */
function base58(random: Random): string {
  let text = "";
  while (text.length < TOKEN_CHARS) {
    for (const byte of random(TOKEN_CHARS)) {
      if (byte < 232 && text.length < TOKEN_CHARS) text += BASE58.charAt(byte % 58);
    }
  }
  return text;
}
