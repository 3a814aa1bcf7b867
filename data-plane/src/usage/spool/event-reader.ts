/** Reads events back from the spool in order, a batch at a time, so that a long outage costs disk and no memory. */
import { USAGE_BATCH_EVENTS_MAX } from "@headgate/sdk/contract";
import { type EventSlice, SLICE_BYTES_MAX } from "./event-slice.ts";
import { createExactSums, type ExactSums } from "./exact-sums.ts";
import {
  claimedBytes,
  nextRecord,
  readEventBytes,
  readHeader,
  readSeq,
  readStartedAt,
  readUsage,
} from "./record.ts";
import type { Segment } from "./segment.ts";
import type { Spool } from "./spool.ts";
import { addUsage, totalsFromWire } from "./totals.ts";

const CHUNK_BYTES = 128 * 1024;

export interface EventReader {
  /**
   * As many events from `fromSeq` on as are on disk, have one form and fit one batch, and no more than `eventsMax`;
   * undefined when there is none, or when `fromSeq` was removed.
   */
  read(fromSeq: number, eventsMax?: number): EventSlice | undefined;
}

/** Where reading goes on: `totals` cover what comes before `seq`. */
interface Position {
  readonly segment: Segment;
  readonly offset: number;
  readonly seq: number;
  readonly totals: ReadonlyMap<string, bigint>;
}

export function createEventReader(spool: Pick<Spool, "disk" | "segments" | "headSeq">): EventReader {
  let position: Position | undefined;

  return {
    read(fromSeq, eventsMax = USAGE_BATCH_EVENTS_MAX) {
      if (fromSeq > spool.headSeq) return undefined;
      if (position?.seq !== fromSeq || !spool.segments.includes(position.segment)) {
        const segment = spool.segments.find((one) => one.firstSeq <= fromSeq && fromSeq <= one.lastSeq);
        if (segment === undefined) return undefined;
        position = { segment, offset: 0, seq: segment.firstSeq, totals: new Map() };
      }
      const lines: Buffer[] = [];
      let bytes = 0;
      let oldestStartedAt = Number.MAX_SAFE_INTEGER;
      let version = 0;
      const next = walk(position, (event, seq, { totals, segment }) => {
        if (seq >= fromSeq) {
          if (lines.length > 0 && segment.version !== version) return false;
          version = segment.version;
          if (lines.length / 2 === eventsMax) return false;
          if (lines.length > 0 && bytes + event.length + 1 > SLICE_BYTES_MAX) return false;
          lines.push(event, LINE_FEED);
          bytes += event.length + 1;
          oldestStartedAt = Math.min(oldestStartedAt, readStartedAt(event));
        }
        addUsage(totals, readUsage(event));
        return true;
      });
      position = next;
      if (lines.length === 0) return undefined;
      return {
        version,
        firstSeq: fromSeq,
        lastSeq: next.seq - 1,
        lines: Buffer.concat(lines, bytes),
        totals: next.totals,
        oldestStartedAt,
      };
    },
  };

  /** Hands over events from a position on until one is not taken; answers the position of that one. */
  function walk(
    from: Position,
    take: (event: Buffer, seq: number, at: { totals: ExactSums; segment: Segment }) => boolean,
  ): Position {
    let { segment, offset, seq } = from;
    let totals = createExactSums(new Map(from.totals));
    for (;;) {
      const fd = spool.disk.open(segment.path, "r");
      try {
        while (seq <= spool.headSeq && seq <= segment.lastSeq) {
          const chunk = readChunk(fd, offset, segment.bytes);
          let at = 0;
          for (;;) {
            const record = nextRecord(chunk, at, chunk.length);
            if (record === undefined) break;
            if (record.kind === "header")
              totals = createExactSums(totalsFromWire(readHeader(chunk, record).totals));
            if (record.kind === "settle") {
              const taken =
                readSeq(chunk, record) <= spool.headSeq &&
                take(readEventBytes(chunk, record), seq, { totals, segment });
              if (!taken) return { segment, offset: offset + at, seq, totals: totals.read() };
              seq += 1;
            }
            at = record.end;
          }
          if (at === 0) throw new Error(`${segment.name} cannot be read at byte ${offset}`);
          offset += at;
        }
      } finally {
        spool.disk.close(fd);
      }
      const following = spool.segments[spool.segments.indexOf(segment) + 1];
      if (following === undefined || seq > spool.headSeq)
        return { segment, offset, seq, totals: totals.read() };
      segment = following;
      offset = 0;
    }
  }

  function readChunk(fd: number, offset: number, end: number): Buffer {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - offset));
    const got = chunk.subarray(0, Math.max(0, spool.disk.readAt(fd, chunk, offset)));
    const claimed = claimedBytes(got, 0, got.length);
    if (claimed === undefined || claimed <= got.length || claimed > end - offset) return got;
    const larger = Buffer.allocUnsafe(claimed);
    return larger.subarray(0, Math.max(0, spool.disk.readAt(fd, larger, offset)));
  }
}

const LINE_FEED = Buffer.from("\n");
