/**
 * Writes down what the policy says at a tenant's newest revision. Runs inside the transaction that changed the policy,
 * under the tenant's row lock: a revision and its document appear together or not at all.
 */
import { type Contract, SNAPSHOT_BYTES_MAX } from "@headgate/sdk/contract";
import type { TenantRow } from "../db/schema/tenants.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { sha256Hex } from "../lib/canonical-json.ts";
import { Fault } from "../lib/fault.ts";
import { documentOf, documentText, policyDocument } from "./policy-document.ts";
import { forgetRevisions, insertSnapshot, readPolicy } from "./repository.ts";

/** The rest is left for what is sealed to a data plane. */
const DOCUMENT_BYTES_MAX = SNAPSHOT_BYTES_MAX / 2;
/** So long a key is told from an unknown one after its end. */
const ENDED_KEY_MS_MAX = 24 * 3_600_000;
/** Of a tenant; older ones are kept only while a replica runs them. */
const REVISIONS_MAX = 100;

/**
 * `tenant` is the row with its new revision, `now` Unix milliseconds. Revisions that nobody needs any more are
 * forgotten. Faults: `api.invalid_input` where the policy is larger than a snapshot may be, unless `anySize`.
 */
export async function renderSnapshot(
  tx: TenantTx,
  tenant: TenantRow,
  { now, anySize, contract }: { now: number; anySize: boolean; contract: Contract },
): Promise<void> {
  const rows = await readPolicy(tx, tenant, { endedSince: now - ENDED_KEY_MS_MAX });
  const parsed = policyDocument.safeParse(documentOf(rows, now));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Fault("api.invalid_input", { detail: `${issue?.path.join(".")}: ${issue?.message}` });
  }
  const document = documentText(parsed.data, contract);
  if (!anySize && Buffer.byteLength(document) > DOCUMENT_BYTES_MAX)
    throw new Fault("api.invalid_input", { detail: "The policy as a whole is too large." });
  const { id: tenant_id, revision } = tenant;
  await insertSnapshot(tx, { tenant_id, revision, document, sha256: sha256Hex(document), created_at: now });
  await forgetRevisions(tx, revision - REVISIONS_MAX);
}
