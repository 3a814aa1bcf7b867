/** Usage as it was reported: each event once, read from the raw batches and not from what is made of them. */
import {
  CONTRACT,
  type Contract,
  type Id,
  idOf,
  isId,
  type UsageEvent,
  usageEvent,
} from "@headgate/sdk/contract";
import type { z } from "zod";
import type { TenantTx } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";
import type { Page } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { rawBatches } from "./batches/repository.ts";
import { openBatch, type StoredLine } from "./ingest/read-usage-batch.ts";

export interface StreamEvent extends UsageEvent {
  readonly stream_id: Id<"stream">;
}
export const streamEvent: z.ZodType<StreamEvent> = usageEvent.extend({ stream_id: idOf("stream") });

/** A page that has reached so many bytes of event lines ends early. */
const PAGE_BYTES_MAX = 1024 * 1024;

/**
 * Events in the order of stream and seq, at most `limit`. A walk over all pages gives everything that was taken in
 * before it began. Only the batches that the page shows are unpacked, one at a time.
 * Faults: `api.invalid_input` for a cursor that no page has given.
 */
export async function listEvents(
  tx: TenantTx,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
  contract: Contract = CONTRACT,
): Promise<Page<StreamEvent>> {
  const from = cursor === undefined ? undefined : parseCursor(cursor);
  const items: StreamEvent[] = [];
  let bytes = 0;
  for await (const { streamId, firstSeq, lastSeq, packed } of rawBatches(tx, { from })) {
    // Only the batch that the cursor points into begins in its middle.
    const begun = from?.streamId === streamId && from.firstSeq === firstSeq;
    let lines: StoredLine[] | undefined;
    for (let seq = begun ? from.seq : firstSeq; seq <= lastSeq; seq += 1) {
      if (items.length === limit || bytes >= PAGE_BYTES_MAX)
        return { items, next_cursor: `${streamId}_${firstSeq}_${seq}` };
      lines ??= await openBatch(packed, contract);
      const line = requireFound(lines[seq - firstSeq]);
      items.push({ ...line.event(), stream_id: streamId });
      bytes += line.bytes.length;
    }
  }
  return { items, next_cursor: null };
}

/** Where the next page begins: the stream, the first seq of the batch, and the event's own. */
function parseCursor(cursor: string) {
  const [, streamId, first, own] = /^(\w+)_(\d{1,16})_(\d{1,16})$/.exec(cursor) ?? [];
  const [firstSeq, seq] = [Number(first), Number(own)];
  const known = streamId !== undefined && isId("stream", streamId) && Number.isSafeInteger(firstSeq);
  if (!known || !Number.isSafeInteger(seq) || seq < firstSeq)
    throw new Fault("api.invalid_input", { parameter: "cursor" });
  return { streamId, firstSeq, seq };
}
