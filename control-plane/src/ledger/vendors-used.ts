import { and, gte, lt } from "drizzle-orm";
import { usageMinutes } from "../db/schema/usage.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import type { Period } from "./batches/repository.ts";

/** The vendors whose prices a period's usage needs. */
export async function vendorsUsed(tx: TenantTx, { fromMs, toMs }: Period): Promise<string[]> {
  const rows = await tx
    .selectDistinct({ vendor: usageMinutes.vendor })
    .from(usageMinutes)
    .where(and(gte(usageMinutes.minute, fromMs), lt(usageMinutes.minute, toMs)));
  return rows.map(({ vendor }) => vendor);
}
