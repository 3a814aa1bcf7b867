/**
 * Makes the minutes of a period again from the raw batches. The result is what ingest would have written, to the unit.
 */
import type { Id } from "@headgate/sdk/contract";
import { tenants } from "../../db/schema/tenants.ts";
import { usageStreams } from "../../db/schema/usage.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { type Period, replay } from "../batches/repository.ts";
import { addToMinutes, deleteMinutes } from "./repository.ts";
import { rollUp } from "./roll-up.ts";

/** Both bounds must be whole minutes: a minute is made anew as a whole. */
export async function rebuildMinutes(tx: TenantTx, tenantId: Id<"tenant">, period: Period): Promise<void> {
  await holdOffIngest(tx);
  await deleteMinutes(tx, period);
  for await (const { events } of replay(tx, period)) await addToMinutes(tx, tenantId, rollUp(events));
}

/**
 * Until the transaction ends no batch is taken in, which would be counted twice or not at all. Those of known streams
 * wait for their stream's row, those of new ones for the tenant's, which they refer to. In this order: whoever has
 * a stream's row may be waiting for the tenant's.
 */
async function holdOffIngest(tx: TenantTx): Promise<void> {
  await tx
    .select({ id: usageStreams.stream_id })
    .from(usageStreams)
    .orderBy(usageStreams.stream_id)
    .for("update");
  await tx.select({ id: tenants.id }).from(tenants).for("update");
}
