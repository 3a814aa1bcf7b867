/** Puts a slice of events into the form in which usage is shipped: gzip NDJSON, a header line before the events. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { type Id, USAGE_BATCH_SCHEMA, type UsageBatchHeader } from "@headgate/sdk/contract";
import type { EventSlice } from "./event-slice.ts";
import { totalsToWire } from "./totals.ts";

const gzipAsync = promisify(gzip);
/** Holds what nearly every batch comes to, so that it is compressed in one go. */
const OUTPUT_BYTES = 128 * 1024;

export interface BatchStream {
  readonly streamId: Id<"stream">;
  readonly writerEpoch: number;
}

/** The body of the request. `sentAt`: Unix milliseconds. */
export async function encodeBatch(stream: BatchStream, slice: EventSlice, sentAt: number): Promise<Buffer> {
  const header: UsageBatchHeader = {
    schema: USAGE_BATCH_SCHEMA,
    stream_id: stream.streamId,
    writer_epoch: stream.writerEpoch,
    first_seq: slice.firstSeq,
    last_seq: slice.lastSeq,
    count: slice.lastSeq - slice.firstSeq + 1,
    sha256: createHash("sha256").update(slice.lines).digest("hex"),
    totals: totalsToWire(slice.totals),
    sent_at: Math.floor(sentAt),
  };
  const lines = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), slice.lines]);
  // The fastest level: the link is not what is short, the processor that also serves calls is.
  return gzipAsync(lines, { level: constants.Z_BEST_SPEED, chunkSize: OUTPUT_BYTES });
}
