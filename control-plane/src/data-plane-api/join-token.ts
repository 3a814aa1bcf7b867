/**
 * The token that makes a process a tenant's data plane. It is used once, within 15 minutes; the database knows only
 * its hash.
 */
import { createHash } from "node:crypto";
import { type Id, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import { and, eq, gt, isNull } from "drizzle-orm";
import { dataPlanes, joinTokens } from "../db/schema/data-planes.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const TOKEN_CHARS = 40;

/** Makes a token for a data plane and returns it; it cannot be read again. Faults: `api.not_found`. */
export async function issueJoinToken(
  tx: TenantTx,
  dataPlaneId: Id<"dataPlane">,
  { now, random }: { now: number; random: (count: number) => Uint8Array },
): Promise<string> {
  const [dataPlane] = await tx
    .select({ tenant_id: dataPlanes.tenant_id })
    .from(dataPlanes)
    .where(eq(dataPlanes.id, dataPlaneId));
  if (dataPlane === undefined) throw new Fault("api.not_found");
  const token = `hgj_${base58(random)}`;
  await tx.insert(joinTokens).values({
    tenant_id: dataPlane.tenant_id,
    hash: hashOf(token),
    data_plane_id: dataPlaneId,
    created_at: now,
    expires_at: now + JOIN_TOKEN_LIFETIME_MS,
  });
  return token;
}

/** Whose token it is, spent or not; undefined for one that was never issued. */
export async function tenantOfJoinToken(tx: PlatformTx, token: string): Promise<Id<"tenant"> | undefined> {
  const [row] = await tx
    .select({ tenantId: joinTokens.tenant_id })
    .from(joinTokens)
    .where(eq(joinTokens.hash, hashOf(token)));
  return row?.tenantId;
}

/** Spends the token. Undefined if it was spent before, or is too old: of any number of attempts one wins. */
export async function spendJoinToken(
  tx: TenantTx,
  token: string,
  now: number,
): Promise<Id<"dataPlane"> | undefined> {
  const [spent] = await tx
    .update(joinTokens)
    .set({ used_at: now })
    .where(
      and(eq(joinTokens.hash, hashOf(token)), isNull(joinTokens.used_at), gt(joinTokens.expires_at, now)),
    )
    .returning({ dataPlaneId: joinTokens.data_plane_id });
  return spent?.dataPlaneId;
}

function hashOf(token: string): string {
  return createHash("sha256").update(token, "utf8").digest("hex");
}

/** Bytes of 232 and above are skipped: 232 is the largest multiple of 58 in a byte. */
function base58(random: (count: number) => Uint8Array): string {
  let text = "";
  while (text.length < TOKEN_CHARS) {
    for (const byte of random(TOKEN_CHARS)) {
      if (byte < 232 && text.length < TOKEN_CHARS) text += BASE58.charAt(byte % 58);
    }
  }
  return text;
}
