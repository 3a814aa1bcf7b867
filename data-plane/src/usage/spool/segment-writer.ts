/**
 * Appends records to the newest segment and begins new ones. `rotate` ends a full segment; `replace` gives up a
 * segment on which the disk has failed, at the byte up to which it is known to be on disk.
 */
import { join } from "node:path";
import { type Disk, writeFully } from "../../storage/disk.ts";
import { appendHeader, createRecordBuffer, type RecordBuffer, type SegmentHeader } from "./record.ts";
import { type Segment, segmentName } from "./segment.ts";
import { totalsToWire } from "./totals.ts";

export interface SegmentWriterOptions {
  readonly disk: Disk;
  readonly directory: string;
  /** Of the contract: the form of what is appended. */
  readonly version: number;
  readonly streamId: string;
  readonly writerEpoch: number;
  readonly segmentBytes: number;
  /** Oldest first; none of them is written to again. */
  readonly segments: readonly Segment[];
  /** The number of the next record: segments are named by it. */
  readonly nextRecord: number;
}

/** What a segment begins with: the event that comes next, and the sums of all before it. */
export interface SegmentStart {
  readonly firstSeq: number;
  readonly totals: ReadonlyMap<string, bigint>;
}

/** Records back to back, and how many they are. */
export interface Records {
  readonly buffer: RecordBuffer;
  readonly count: number;
}

export interface SegmentWriter {
  /** Oldest first. */
  readonly segments: readonly Segment[];
  /** The one that is written; undefined until `replace` has put the first in place. */
  readonly current: Segment | undefined;
  readonly bytes: number;
  /** True when the current segment has had its share. */
  readonly full: boolean;
  /** Throws where the disk fails; nothing more may then be appended before `replace`. */
  append(records: Records): void;
  /** Resolves when all that was appended before is on disk. One at a time, and never beside `rotate` or `replace`. */
  sync(): Promise<void>;
  /** Ends the current segment and begins the next, without waiting: the next `sync` covers both. */
  rotate(start: SegmentStart): void;
  /** Puts a new segment with these records in place, whole and already on disk. */
  replace(start: SegmentStart, records: Records): Promise<Segment>;
  /** The file of the oldest segment was removed. */
  forgetOldest(): void;
  close(): void;
}

export function createSegmentWriter(options: SegmentWriterOptions): SegmentWriter {
  const { disk, directory, version } = options;
  const segments = [...options.segments];
  let current: Segment | undefined;
  let fd: number | undefined;
  /** Files that are full and not yet synced to their end. */
  let retiring: number[] = [];
  let recordNumber = options.nextRecord;
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);

  function header(name: string, start: SegmentStart, previous: SegmentHeader["previous"]): RecordBuffer {
    const buffer = createRecordBuffer(4 * 1024);
    appendHeader(buffer, {
      version,
      name,
      stream_id: options.streamId,
      writer_epoch: options.writerEpoch,
      first_seq: start.firstSeq,
      totals: totalsToWire(start.totals),
      previous,
    });
    return buffer;
  }

  function name(number: number): { name: string; path: string } {
    const chosen = segmentName(number, options.writerEpoch);
    return { name: chosen, path: join(directory, chosen) };
  }

  function begin(segment: Segment, nextFd: number): Segment {
    fd = nextFd;
    current = segment;
    segments.push(segment);
    bytes += segment.bytes;
    return segment;
  }

  function closeFiles(): void {
    for (const old of fd === undefined ? retiring : [...retiring, fd]) quietly(() => disk.close(old));
    retiring = [];
    fd = undefined;
  }

  return {
    segments,
    get current() {
      return current;
    },
    get bytes() {
      return bytes;
    },
    get full() {
      return current !== undefined && current.bytes >= options.segmentBytes && current.durableBytes > 0;
    },
    append({ buffer, count }) {
      if (current === undefined || fd === undefined) throw new Error("no segment has been begun");
      // Half a record that is left behind where this fails is never read: the segment is given up in front of it.
      writeFully(disk, fd, { ...buffer, position: current.bytes });
      current.bytes += buffer.length;
      bytes += buffer.length;
      recordNumber += count;
    },
    async sync() {
      const segment = current;
      const file = fd;
      if (segment === undefined || file === undefined) return;
      const upTo = segment.bytes;
      const ended = retiring;
      if (ended.length > 0) {
        await Promise.all([...ended.map((old) => disk.sync(old)), disk.syncDirectory(directory)]);
        retiring = [];
        for (const old of ended) quietly(() => disk.close(old));
      }
      await disk.sync(file);
      segment.durableBytes = upTo;
    },
    rotate(start) {
      if (current === undefined || fd === undefined) return;
      const previous = { name: current.name, bytes: current.bytes, durable_bytes: current.durableBytes };
      const named = name(recordNumber);
      const first = header(named.name, start, previous);
      const nextFd = disk.open(named.path, "wx");
      try {
        writeFully(disk, nextFd, { ...first, position: 0 });
      } catch (error) {
        quietly(() => disk.close(nextFd));
        quietly(() => disk.remove(named.path));
        throw error;
      }
      retiring.push(fd);
      recordNumber += 1;
      begin(
        newSegment({ ...named, version, firstSeq: start.firstSeq, bytes: first.length, previous }),
        nextFd,
      );
    },
    async replace(start, records) {
      // A segment of which nothing is known to be on disk cannot be built upon: its predecessor is.
      const givenUp = current?.durableBytes === 0 ? current : undefined;
      const last = givenUp === undefined ? segments.at(-1) : undefined;
      const previous =
        givenUp?.previous ??
        (last === undefined
          ? null
          : { name: last.name, bytes: last.durableBytes, durable_bytes: last.durableBytes });
      // One further than a rotation that failed may have left behind.
      const named = name(recordNumber + 1);
      const first = header(named.name, start, previous);
      const length = first.length + records.buffer.length;
      const temporary = `${named.path}.tmp`;
      disk.remove(temporary);
      const nextFd = disk.open(temporary, "wx");
      try {
        writeFully(disk, nextFd, { ...first, position: 0 });
        writeFully(disk, nextFd, { ...records.buffer, position: first.length });
        await disk.sync(nextFd);
        disk.rename(temporary, named.path);
        await disk.syncDirectory(directory);
      } catch (error) {
        quietly(() => disk.close(nextFd));
        quietly(() => disk.remove(temporary));
        quietly(() => disk.remove(named.path));
        throw error;
      }
      if (last !== undefined) {
        bytes -= last.bytes - last.durableBytes;
        last.bytes = last.durableBytes;
      }
      if (givenUp !== undefined) {
        segments.pop();
        bytes -= givenUp.bytes;
        quietly(() => disk.remove(givenUp.path));
      }
      closeFiles();
      recordNumber += 2 + records.count;
      const segment = newSegment({ ...named, version, firstSeq: start.firstSeq, bytes: length, previous });
      segment.durableBytes = length;
      return begin(segment, nextFd);
    },
    forgetOldest() {
      bytes -= segments.shift()?.bytes ?? 0;
    },
    close() {
      closeFiles();
      current = undefined;
    },
  };
}

function newSegment(part: Omit<Segment, "lastSeq" | "durableBytes">): Segment {
  return { ...part, lastSeq: part.firstSeq - 1, durableBytes: 0 };
}

/** For what is done on the way out of a failure: the first failure is the one that is reported. */
function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Nothing more can be done about it here.
  }
}
