/**
 * The token that makes a process a tenant's data plane. It is used once, within 15 minutes; the database knows only
 * its hash. A data plane has one at most: neither an older one nor a join leaves another that could take its place.
 */
import { createHash } from "node:crypto";
import { type Id, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import { and, eq, gt, isNull, ne } from "drizzle-orm";
import { dataPlanes, joinTokens } from "../../db/schema/data-planes.ts";
import type { PlatformTx, TenantTx } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const TOKEN_CHARS = 40;

/** Makes a token for a data plane in place of any other and returns it; it cannot be read again. Faults: `api.not_found`. */
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
  const token = newJoinToken(random);
  const hash = hashOfJoinToken(token);
  await voidTokens(tx, dataPlaneId, hash);
  await tx.insert(joinTokens).values({
    tenant_id: dataPlane.tenant_id,
    hash,
    data_plane_id: dataPlaneId,
    created_at: now,
    expires_at: now + JOIN_TOKEN_LIFETIME_MS,
  });
  return token;
}

/** Whose token it is, spent or not; undefined for one that was never issued or is void. */
export async function ownerOfJoinToken(
  tx: PlatformTx,
  token: string,
): Promise<{ tenantId: Id<"tenant">; dataPlaneId: Id<"dataPlane">; driver: string } | undefined> {
  const [row] = await tx
    .select({
      tenantId: joinTokens.tenant_id,
      dataPlaneId: joinTokens.data_plane_id,
      driver: dataPlanes.driver,
    })
    .from(joinTokens)
    .innerJoin(
      dataPlanes,
      and(eq(dataPlanes.tenant_id, joinTokens.tenant_id), eq(dataPlanes.id, joinTokens.data_plane_id)),
    )
    .where(eq(joinTokens.hash, hashOfJoinToken(token)));
  return row;
}

/**
 * Spends the token and voids every other of its data plane. False if it was spent or voided before, or is too old:
 * of any number of attempts one wins. The caller holds the lock on the tenant's row.
 */
export async function spendJoinToken(tx: TenantTx, token: string, now: number): Promise<boolean> {
  const hash = hashOfJoinToken(token);
  const [spent] = await tx
    .update(joinTokens)
    .set({ used_at: now })
    .where(and(eq(joinTokens.hash, hash), isNull(joinTokens.used_at), gt(joinTokens.expires_at, now)))
    .returning({ dataPlaneId: joinTokens.data_plane_id });
  if (spent !== undefined) await voidTokens(tx, spent.dataPlaneId, hash);
  return spent !== undefined;
}

/** Forgets the tokens of a data plane, but for the one with this hash. */
export async function voidTokens(tx: TenantTx, dataPlaneId: Id<"dataPlane">, kept?: string): Promise<void> {
  await tx
    .delete(joinTokens)
    .where(
      and(
        eq(joinTokens.data_plane_id, dataPlaneId),
        kept === undefined ? undefined : ne(joinTokens.hash, kept),
      ),
    );
}

/** The form of single-use tokens and of join secrets alike: 234 random bits. */
export function newJoinToken(random: (count: number) => Uint8Array): string {
  return `hgj_${base58(random)}`;
}

/** SHA-256, hex. A slow hash would add nothing: the token cannot be guessed. */
export function hashOfJoinToken(token: string): string {
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
