/** Puts a slice of events into the form in which usage is shipped: gzip NDJSON, a header line before the events. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { Contract, Id, UsageBatchHeader } from "@headgate/sdk/contract";
import { type EventSlice, SLICE_BYTES_MAX } from "../spool/event-slice.ts";
import { totalsToWire } from "../spool/totals.ts";

const gzipAsync = promisify(gzip);
/** Holds what nearly every batch comes to, so that it is compressed in one go. */
const OUTPUT_BYTES = 64 * 1024;

export interface BatchStream {
  readonly streamId: Id<"stream">;
  readonly writerEpoch: number;
  readonly contract: Contract;
}

/**
 * The body of the request in a version of the contract. `sentAt`: Unix milliseconds. One at a time: the memory is used
 * again. Rejects with `CannotSayError` where the version has no words for an event.
 */
export type EncodeBatch = (slice: EventSlice, sentAt: number, version: number) => Promise<Buffer>;

export function createBatchEncoder({ streamId, writerEpoch, contract }: BatchStream): EncodeBatch {
  let plain = Buffer.allocUnsafeSlow(SLICE_BYTES_MAX + HEADER_BYTES);

  return async (slice, sentAt, version) => {
    const lines = slice.version === version ? slice.lines : linesIn(version, slice, contract);
    const header: UsageBatchHeader = {
      stream_id: streamId,
      writer_epoch: writerEpoch,
      first_seq: slice.firstSeq,
      last_seq: slice.lastSeq,
      count: slice.lastSeq - slice.firstSeq + 1,
      sha256: createHash("sha256").update(lines).digest("hex"),
      totals: totalsToWire(slice.totals),
      sent_at: Math.floor(sentAt),
    };
    const line = Buffer.from(`${JSON.stringify(contract.usageBatch.write(header, version))}\n`);
    const length = line.length + lines.length;
    if (length > plain.length) plain = Buffer.allocUnsafeSlow(length);
    line.copy(plain);
    lines.copy(plain, line.length);
    // The fastest level: the link is not what is short, the processor that also serves calls is.
    return gzipAsync(plain.subarray(0, length), { level: constants.Z_BEST_SPEED, chunkSize: OUTPUT_BYTES });
  };
}

/** The same events in the form of another version. */
function linesIn(version: number, slice: EventSlice, { usageEvent }: Contract): Buffer {
  const lines = slice.lines.toString("utf8").trimEnd().split("\n");
  const converted = lines.map((line) => {
    const reading = usageEvent.read(JSON.parse(line), slice.version);
    if (!reading.ok) throw new Error(`an event of version ${slice.version} cannot be read`);
    return `${JSON.stringify(usageEvent.write(reading.value, version))}\n`;
  });
  return Buffer.from(converted.join(""));
}

/** More than a header with every dimension there is. */
const HEADER_BYTES = 8 * 1024;
