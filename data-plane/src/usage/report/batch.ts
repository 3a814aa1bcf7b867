/** Puts a slice of events into the form in which usage is shipped: gzip NDJSON, a header line before the events. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { type Id, USAGE_BATCH_SCHEMA, type UsageBatchHeader } from "@headgate/sdk/contract";
import { type EventSlice, SLICE_BYTES_MAX } from "../spool/event-slice.ts";
import { totalsToWire } from "../spool/totals.ts";

const gzipAsync = promisify(gzip);
/** Holds what nearly every batch comes to, so that it is compressed in one go. */
const OUTPUT_BYTES = 64 * 1024;

export interface BatchStream {
  readonly streamId: Id<"stream">;
  readonly writerEpoch: number;
}

/** The body of the request. `sentAt`: Unix milliseconds. One at a time: the memory is used again. */
export type EncodeBatch = (slice: EventSlice, sentAt: number) => Promise<Buffer>;

export function createBatchEncoder({ streamId, writerEpoch }: BatchStream): EncodeBatch {
  let plain = Buffer.allocUnsafeSlow(SLICE_BYTES_MAX + HEADER_BYTES);

  return (slice, sentAt) => {
    const header: UsageBatchHeader = {
      schema: USAGE_BATCH_SCHEMA,
      stream_id: streamId,
      writer_epoch: writerEpoch,
      first_seq: slice.firstSeq,
      last_seq: slice.lastSeq,
      count: slice.lastSeq - slice.firstSeq + 1,
      sha256: createHash("sha256").update(slice.lines).digest("hex"),
      totals: totalsToWire(slice.totals),
      sent_at: Math.floor(sentAt),
    };
    const line = Buffer.from(`${JSON.stringify(header)}\n`);
    const length = line.length + slice.lines.length;
    if (length > plain.length) plain = Buffer.allocUnsafeSlow(length);
    line.copy(plain);
    slice.lines.copy(plain, line.length);
    // The fastest level: the link is not what is short, the processor that also serves calls is.
    return gzipAsync(plain.subarray(0, length), { level: constants.Z_BEST_SPEED, chunkSize: OUTPUT_BYTES });
  };
}

/** More than a header with every dimension there is. */
const HEADER_BYTES = 8 * 1024;
