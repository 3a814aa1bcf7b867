/** The draft of a month's invoice and the raw usage behind each of its lines. Nothing of it is stored. */
import { type Id, isId } from "@headgate/sdk/contract";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { scopeOf } from "../../ledger/minutes/roll-up.ts";
import { replay } from "../../ledger/service.ts";
import { Fault } from "../../lib/fault.ts";
import type { Page, PageRequest } from "../../lib/page.ts";
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

/** So many batches are opened for a page at most. */
const BATCHES_OPENED_MAX = 200;

/**
 * Adds a line up again from the raw batches, not from the minutes, a page at a time. Faults: `api.not_found` where there
 * is no such line, `api.invalid_input` for a cursor that no page has given.
 */
export async function lineUsage(
  tx: TenantTx,
  tenantId: Id<"tenant">,
  { period, lineId, cursor, limit }: { period: string; lineId: string } & PageRequest,
): Promise<Page<LineUsage>> {
  const from = cursor === undefined ? undefined : placeIn(cursor);
  const { lines } = await previewInvoice(tx, tenantId, period);
  const line = lines.find(({ line_id }) => line_id === lineId);
  if (line === undefined) throw new Fault("api.not_found", { parameter: "line_id" });
  const book = await priceBookOf(tx, [line.vendor]);
  const used = { vendor: line.vendor, upstreamModel: line.model, dimension: line.dimension };
  const items: LineUsage[] = [];
  let opened = 0;
  for await (const { batch, events } of replay(tx, boundsOfMonth(period), { from })) {
    if (items.length === limit || opened === BATCHES_OPENED_MAX)
      return { items, next_cursor: `${batch.streamId}_${batch.firstSeq}` };
    opened += 1;
    let quantity = 0n;
    for (const event of await events()) {
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
    items.push({
      stream_id: batch.streamId,
      first_seq: batch.firstSeq,
      last_seq: batch.lastSeq,
      sha256: batch.sha256,
      quantity: quantity.toString(),
    });
  }
  return { items, next_cursor: null };
}

/** The batch that a page begins with: its stream and first seq. */
function placeIn(cursor: string) {
  const [, streamId, first] = /^(\w+)_(\d{1,16})$/.exec(cursor) ?? [];
  const firstSeq = Number(first);
  if (streamId === undefined || !isId("stream", streamId) || !Number.isSafeInteger(firstSeq))
    throw new Fault("api.invalid_input", { parameter: "cursor" });
  return { streamId, firstSeq };
}
