/** What is shown of a tenant's snapshots, and what is asked of them. */
import { type Contract, type Id, idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Database } from "../db/client.ts";
import { type TenantTx, withTenant } from "../db/tenant-scope.ts";
import { canonicalJson } from "../lib/canonical-json.ts";
import { Fault } from "../lib/fault.ts";
import { type PageRequest, pageOf } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { unixMs } from "../lib/view.ts";
import { type PolicyDocument, policyDocument, readDocument } from "./policy-document.ts";
import { findSnapshot, listSnapshots, pricesInForce, pricesSaid, verdictsOn } from "./repository.ts";

export { latestRevision } from "./repository.ts";

export const snapshotSummary = z.strictObject({
  revision: z.number().int().positive(),
  /** Of the policy document, hex. */
  sha256: z.string(),
  created_at: unixMs,
  verdicts: z.array(
    z.strictObject({
      data_plane_id: idOf("dataPlane"),
      instance_id: idOf("instance"),
      ok: z.boolean(),
      errors: z.array(z.string()),
      at: unixMs,
    }),
  ),
});

const document: z.ZodType<PolicyDocument> = policyDocument;
export const snapshotView = z.strictObject({ sha256: z.string(), document });

interface Caller {
  readonly services: { readonly db: Database; readonly contract: Contract };
  readonly tenantId: Id<"tenant">;
}

export const snapshots = {
  /** Newest first. */
  list({ services, tenantId }: Caller, { cursor, limit }: PageRequest) {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    if (!Number.isSafeInteger(before)) throw new Fault("api.invalid_input", { parameter: "cursor" });
    return withTenant(services.db, tenantId, async (tx) => {
      const rows = await listSnapshots(tx, before, limit + 1);
      const verdicts = await verdictsOn(
        tx,
        rows.map(({ revision }) => revision),
      );
      const byRevision = Map.groupBy(verdicts, ({ revision }) => revision);
      return pageOf(rows, limit, {
        cursor: ({ revision }) => String(revision),
        view: (row) => ({
          ...row,
          verdicts: (byRevision.get(row.revision) ?? []).map(({ revision: _, ...verdict }) => verdict),
        }),
      });
    });
  },

  /** The policy as it was at a revision. Faults: `api.not_found`, also for one that was forgotten. */
  async get({ services, tenantId }: Caller, revision: number) {
    const find = (tx: TenantTx) => findSnapshot(tx, revision);
    const { sha256, document } = requireFound(await withTenant(services.db, tenantId, find));
    return { sha256, document: readDocument(document, services.contract) };
  },
};

/** Whether the price book says something else than the tenant's newest snapshot. */
export async function lacksPrices(tx: TenantTx): Promise<boolean> {
  const said = await pricesSaid(tx);
  return said !== undefined && canonicalJson(JSON.parse(said)) !== canonicalJson(await pricesInForce(tx));
}
