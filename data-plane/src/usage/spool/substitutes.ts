/**
 * Events that the control plane does not take as they are, and what it took in their place. Both stand in a file beside
 * the segments, which stay as they were written: as records of theirs, a header (the form of what follows), the event,
 * and its substitute. A substitute is fixed for its seq for ever, as an event is.
 */
import { dirname, join } from "node:path";
import { type Disk, writeFully } from "../../storage/disk.ts";
import type { EventSlice } from "./event-slice.ts";
import { createExactSums } from "./exact-sums.ts";
import {
  appendHeader,
  appendSettle,
  createRecordBuffer,
  nextRecord,
  readEventBytes,
  readHeader,
  readSeq,
  readUsage,
} from "./record.ts";
import { addUsage, subtractUsage } from "./totals.ts";

export const SUBSTITUTES_FILE = "substitutes";

export interface Substitute {
  readonly seq: number;
  /** Of the contract: the form of both. */
  readonly version: number;
  /** As it is in its segment. */
  readonly event: Buffer;
  readonly substitute: Buffer;
}

export interface Substitutes {
  readonly count: number;
  has(seq: number): boolean;
  /** The slice as it is shipped. */
  apply(slice: EventSlice): EventSlice;
  /** `totals` over all events after `afterSeq` and up to `uptoSeq`, as the ledger counts them. */
  correct(
    totals: ReadonlyMap<string, bigint>,
    between: { afterSeq: number; uptoSeq: number },
  ): ReadonlyMap<string, bigint>;
  /** Resolves when it is on disk; rejects where the disk fails. */
  keep(substitute: Substitute): Promise<void>;
}

/** Reads what is there of this stream. What is torn at its end was not shipped. */
export function openSubstitutes(
  disk: Disk,
  directory: string,
  stream: { readonly streamId: string; readonly writerEpoch: number },
): Substitutes {
  const path = join(directory, SUBSTITUTES_FILE);
  const stored = disk.read(path);
  const known = new Map<number, Substitute>();
  let bytes = stored === undefined ? 0 : readAll(stored, known);

  return {
    get count() {
      return known.size;
    },
    has: (seq) => known.has(seq),
    apply(slice) {
      const here = [...known.values()].filter(({ seq }) => seq >= slice.firstSeq && seq <= slice.lastSeq);
      if (here.length === 0) return slice;
      const lines = slice.lines.toString("utf8").trimEnd().split("\n");
      for (const { seq, substitute } of here) lines[seq - slice.firstSeq] = substitute.toString("utf8");
      return { ...slice, lines: Buffer.from(`${lines.join("\n")}\n`) };
    },
    correct(totals, { afterSeq, uptoSeq }) {
      const here = [...known.values()].filter(({ seq }) => seq > afterSeq && seq <= uptoSeq);
      if (here.length === 0) return totals;
      const sums = createExactSums(new Map(totals));
      for (const { event, substitute } of here) {
        subtractUsage(sums, readUsage(event));
        addUsage(sums, readUsage(substitute));
      }
      return sums.read();
    },
    async keep(substitute) {
      const { seq, version, event } = substitute;
      const buffer = createRecordBuffer();
      const { streamId: stream_id, writerEpoch: writer_epoch } = stream;
      appendHeader(buffer, {
        version,
        stream_id,
        writer_epoch,
        first_seq: seq,
        totals: {},
        previous: null,
      });
      for (const bytesOf of [event, substitute.substitute])
        appendSettle(buffer, { attemptId: "", seq, json: bytesOf.toString("utf8"), charges: [] });
      const fd = disk.open(path, bytes === 0 ? "w" : "r+");
      try {
        writeFully(disk, fd, { ...buffer, position: bytes });
        await disk.sync(fd);
      } finally {
        disk.close(fd);
      }
      await disk.syncDirectory(dirname(path));
      bytes += buffer.length;
      known.set(seq, substitute);
    },
  };
}

/** Answers how many bytes are whole. */
function readAll(bytes: Buffer, into: Map<number, Substitute>): number {
  let whole = 0;
  for (;;) {
    const header = nextRecord(bytes, whole, bytes.length);
    const event = header && nextRecord(bytes, header.end, bytes.length);
    const substitute = event && nextRecord(bytes, event.end, bytes.length);
    if (substitute === undefined || event === undefined || header === undefined) return whole;
    const seq = readSeq(bytes, event);
    const { version } = readHeader(bytes, header);
    into.set(seq, {
      seq,
      version,
      event: readEventBytes(bytes, event),
      substitute: readEventBytes(bytes, substitute),
    });
    whole = substitute.end;
  }
}
