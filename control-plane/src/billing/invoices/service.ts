/** The draft of a month's invoice and the raw usage behind each of its lines. Nothing of it is stored. */
import type { Id } from "@headgate/sdk/contract";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { scopeOf } from "../../ledger/minutes/roll-up.ts";
import { replay } from "../../ledger/service.ts";
import { Fault } from "../../lib/fault.ts";
import { priceBookOf } from "../prices/service.ts";
import { pricedUsage } from "../usage/service.ts";
import { assembleInvoice } from "./assemble-invoice.ts";
import { boundsOfMonth } from "./billing-period.ts";
import type { InvoicePreview, LineUsage } from "./views.ts";

export async function previewInvoice(
  tx: TenantTx,
  tenantId: Id<"tenant">,
  period: string,
): Promise<InvoicePreview> {
  const whole = { period: boundsOfMonth(period), bucketMs: null, groupBy: [] };
  const { book, quantities, calls } = await pricedUsage(tx, whole);
  return {
    tenant_id: tenantId,
    period,
    currency: "USD",
    state: "draft",
    ...assembleInvoice(quantities, book, { tenantId, period }),
    unsettled_attempts: calls[0]?.unsettled ?? 0,
    calls: calls[0]?.calls ?? 0,
  };
}

/** Adds a line up again from the raw batches, not from the minutes. Faults: `api.not_found` where there is no such line. */
export async function lineUsage(
  tx: TenantTx,
  tenantId: Id<"tenant">,
  { period, lineId }: { period: string; lineId: string },
): Promise<LineUsage> {
  const bounds = boundsOfMonth(period);
  const { lines } = await previewInvoice(tx, tenantId, period);
  const line = lines.find(({ line_id }) => line_id === lineId);
  if (line === undefined) throw new Fault("api.not_found", { parameter: "line_id" });
  const book = await priceBookOf(tx, [line.vendor]);
  const used = { vendor: line.vendor, upstreamModel: line.model, dimension: line.dimension };
  const batches: LineUsage["batches"] = [];
  let total = 0n;
  for await (const { batch, events } of replay(tx, bounds)) {
    let quantity = 0n;
    for (const event of events) {
      const { minute, vendor, upstream_model } = scopeOf(event);
      const counts =
        event.status === "settled" &&
        vendor === line.vendor &&
        upstream_model === line.model &&
        book.priceAt(used, minute)?.id === line.price_id;
      if (counts && Object.hasOwn(event.usage, line.dimension))
        quantity += BigInt(event.usage[line.dimension] ?? 0);
    }
    if (quantity === 0n) continue;
    total += quantity;
    batches.push({
      stream_id: batch.streamId,
      first_seq: batch.firstSeq,
      last_seq: batch.lastSeq,
      sha256: batch.sha256,
      quantity: quantity.toString(),
    });
  }
  return { quantity: total.toString(), batches };
}
