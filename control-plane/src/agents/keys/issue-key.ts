import { type Id, makeApiKey } from "@headgate/sdk/contract";
import type { TenantRow } from "../../db/schema/tenants.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import type { MakeId, Random } from "../../lib/make-id.ts";
import { hashKey } from "../../secrets/hash-key.ts";
import type { TenantSecrets } from "../../secrets/tenant-secrets.ts";
import { insertKey, type KeyRow } from "./repository.ts";

export interface KeyIssuer {
  readonly makeId: MakeId;
  readonly random: Random;
  readonly secrets: TenantSecrets;
}

export interface NewKey {
  readonly tenant: TenantRow;
  /** Null makes a key for the API. */
  readonly agentId: Id<"agent"> | null;
  readonly name: string;
  /** Unix milliseconds, or null for never. */
  readonly expiresAt: number | null;
  readonly now: number;
}

/** Stores a new key and returns its row and, for the only time, the key itself. */
export async function issueKey(tx: TenantTx, issuer: KeyIssuer, input: NewKey) {
  const { key: secret, handle } = makeApiKey(issuer.random);
  const row: KeyRow = {
    tenant_id: input.tenant.id,
    id: issuer.makeId("key"),
    kind: input.agentId === null ? "admin" : "agent",
    agent_id: input.agentId,
    name: input.name,
    handle,
    hash: await hashKey(issuer.secrets, input.tenant, secret),
    last4: secret.slice(-4),
    created_at: input.now,
    revision: input.tenant.revision,
    expires_at: input.expiresAt,
    revoked_at: null,
  };
  await insertKey(tx, row);
  return { row, secret };
}
