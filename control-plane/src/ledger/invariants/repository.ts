import type { Id } from "@headgate/sdk/contract";
import { asc, gt, sql } from "drizzle-orm";
import { tenants } from "../../db/schema/tenants.ts";
import { usageStreams } from "../../db/schema/usage.ts";
import type { PlatformTx, TenantTx } from "../../db/tenant-scope.ts";

export async function listStreams(tx: TenantTx) {
  const { stream_id: id, acked_seq: ackedSeq, totals: stored } = usageStreams;
  return tx.select({ id, ackedSeq, stored }).from(usageStreams);
}

/** Where the seqs of a stream do not run from 1 to its watermark, each in exactly one batch: the first seq at fault. */
export async function breaksInSequence(tx: TenantTx): Promise<{ stream_id: string; seq: number }[]> {
  const { rows } = await tx.execute<{ stream_id: string; seq: number }>(sql`
    with batches as (
      select stream_id, first_seq, lag(last_seq, 1, 0::bigint) over (partition by stream_id order by first_seq) as before
      from usage_batches
    )
    select stream_id, first_seq as seq from batches where first_seq <> before + 1
    union all
    select stream_id, acked_seq as seq from usage_streams s
    where acked_seq <> coalesce((select max(last_seq) from usage_batches b where b.stream_id = s.stream_id), 0)`);
  return rows;
}

/** The tenant after this one, or after so large a share (0 to 1) of all, by id; undefined after the last. */
export async function tenantAfter(
  tx: PlatformTx,
  place: Id<"tenant"> | number,
): Promise<Id<"tenant"> | undefined> {
  const skipped = typeof place === "number" ? Math.floor(place * (await tx.$count(tenants))) : 0;
  const [next] = await tx
    .select({ id: tenants.id })
    .from(tenants)
    .where(typeof place === "number" ? undefined : gt(tenants.id, place))
    .orderBy(asc(tenants.id))
    .offset(skipped)
    .limit(1);
  return next?.id;
}
