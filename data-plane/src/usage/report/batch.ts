/** Puts a slice of events into the form in which usage is shipped: gzip NDJSON, a header line before the events. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { Contract, UsageBatchHeader } from "@headgate/sdk/contract";
import { type EventSlice, SLICE_BYTES_MAX } from "../spool/event-slice.ts";
import type { Spool } from "../spool/spool.ts";
import { totalsFromWire, totalsToWire } from "../spool/totals.ts";

const gzipAsync = promisify(gzip);
/** Holds what nearly every batch comes to, so that it is compressed in one go. */
const OUTPUT_BYTES = 64 * 1024;

export type BatchStream = Pick<Spool, "shippedAs" | "substitutes" | "writerEpoch" | "contract">;

/**
 * The body of the request in a version of the contract. `sentAt`: Unix milliseconds. One at a time: the memory is used
 * again. Rejects where an event cannot be read, or with `CannotSayError` where the version has no words for it.
 */
export type EncodeBatch = (slice: EventSlice, sentAt: number, version: number) => Promise<Buffer>;

export function createBatchEncoder(stream: BatchStream): EncodeBatch {
  const { writerEpoch, contract } = stream;
  let plain = Buffer.allocUnsafeSlow(SLICE_BYTES_MAX + HEADER_BYTES);

  return async (slice, sentAt, version) => {
    const { streamId, afterSeq } = stream.shippedAs;
    const own = renumbered(slice.lines, afterSeq);
    const lines = slice.version === version ? own : linesIn(version, { ...slice, lines: own }, contract);
    const header: UsageBatchHeader = {
      stream_id: streamId,
      writer_epoch: writerEpoch,
      first_seq: slice.firstSeq - afterSeq,
      last_seq: slice.lastSeq - afterSeq,
      count: slice.lastSeq - slice.firstSeq + 1,
      sha256: createHash("sha256").update(lines).digest("hex"),
      totals: totalsToWire(shippedTotals(stream, slice.totals, slice.lastSeq)),
      sent_at: Math.max(1, Math.floor(sentAt)),
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

/** `totals` up to an event, of what is shipped as one stream with it. */
export function shippedTotals(
  { shippedAs, substitutes }: Pick<BatchStream, "shippedAs" | "substitutes">,
  totals: ReadonlyMap<string, bigint>,
  uptoSeq: number,
): ReadonlyMap<string, bigint> {
  const { afterSeq, totals: before } = shippedAs;
  const counted = substitutes.correct(totals, { afterSeq, uptoSeq });
  if (afterSeq === 0) return counted;
  const earlier = totalsFromWire(before);
  return new Map([...counted].map(([dimension, sum]) => [dimension, sum - (earlier.get(dimension) ?? 0n)]));
}

/** Lines as they are in the spool begin with their seq. */
function renumbered(lines: Buffer, afterSeq: number): Buffer {
  if (afterSeq === 0) return lines;
  const text = lines.toString("utf8");
  return Buffer.from(text.replace(/^\{"seq":(\d+)/gm, (_, seq) => `{"seq":${Number(seq) - afterSeq}`));
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
