/**
 * Makes the minutes of a period again from the raw batches. The result is what ingest would have written, to the unit.
 */
import type { Id } from "@headgate/sdk/contract";
import type { TenantTx } from "../db/tenant-scope.ts";
import { addToMinutes, deleteMinutes } from "../usage/minutes.ts";
import { type Period, replay } from "../usage/raw-batches.ts";
import { rollUp } from "../usage/roll-up.ts";

/** Both bounds must be whole minutes: a minute is made anew as a whole. */
export async function rebuildMinutes(tx: TenantTx, tenantId: Id<"tenant">, period: Period): Promise<void> {
  await deleteMinutes(tx, period);
  for await (const { events } of replay(tx, period)) await addToMinutes(tx, tenantId, rollUp(events));
}
