/**
 * What a spool directory says after a restart. Only what was written whole is believed: reading stops at the first
 * record that is torn. Segments are followed backwards by their headers, so that files left by a writer that was
 * superseded, or by a segment that was given up, are not part of the stream.
 */
import { join } from "node:path";
import type { AttemptOpened, Contract } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import type { Disk } from "../../storage/disk.ts";
import { NewerStateError } from "../../storage/state-file.ts";
import { type AttemptHold, NOTHING_HELD } from "../usage-recorder.ts";
import { createExactSums } from "./exact-sums.ts";
import {
  holdsRecord,
  nextRecord,
  type RecordView,
  readAttemptId,
  readCharges,
  readEventBytes,
  readHeader,
  readOpened,
  readSeq,
  readUsage,
  type SegmentHeader,
} from "./record.ts";
import { parseSegmentName, type Segment } from "./segment.ts";
import { addUsage, totalsFromWire } from "./totals.ts";

export interface RecoveredSegments {
  /** Oldest first. */
  readonly segments: Segment[];
  readonly headSeq: number;
  readonly totals: ReadonlyMap<string, bigint>;
  /** Opened and never settled. */
  readonly abandoned: AbandonedAttempt[];
  /** The number for the next segment's name. */
  readonly nextRecord: number;
  /** Files that are called like segments and are not part of the stream. */
  readonly strays: string[];
  /** What of the stream cannot be read, or was never part of it, and may hold usage. */
  readonly damage: SpoolDamagedError[];
  /** Ends that cannot be read, as a crash leaves them: what stood there was not yet promised to anybody. */
  readonly torn: readonly SpoolDamagedError[];
}

export interface AbandonedAttempt {
  readonly attempt: AttemptOpened;
  readonly hold: AttemptHold;
}

/** Thrown where a record that had been on disk can no longer be read, or a segment is missing. */
export class SpoolDamagedError extends Error {
  override readonly name = "SpoolDamagedError";
}

export interface ReadSegmentsOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly contract: Contract;
  readonly streamId: string;
  /** Segments of this writer and later ones are not the stream's: nobody has written them yet. */
  readonly writerEpoch: number;
  /** Undefined where it is not known; what was removed then counts as acknowledged. */
  readonly reached:
    | { readonly ackedSeq: number; readonly headSeq: number; readonly segment: string }
    | undefined;
  /** Charges of events after this one are handed to `onCharges`, in order. */
  readonly chargesAfterSeq: number;
  onCharges(charges: readonly BudgetCharge[], seq: number): void;
}

/** Throws `SpoolDamagedError`, and `NewerStateError` for a newer program's segments; faults of the disk pass through. */
export function readSegments(options: ReadSegmentsOptions): RecoveredSegments {
  const { chain, strays, newestNumber } = findChain(options);
  const opened = new Map<string, AbandonedAttempt>();
  const segments: Segment[] = [];
  let headSeq = (chain[0]?.header.first_seq ?? 1) - 1;
  let totals = createExactSums();
  let records = 0;
  const { reached } = options;
  const damage: SpoolDamagedError[] = [];
  const torn: SpoolDamagedError[] = [];
  const missing =
    reached !== undefined &&
    (chain.length === 0 ? Math.max(reached.headSeq, reached.ackedSeq) > 0 : headSeq > reached.ackedSeq);
  if (missing) throw new SpoolDamagedError(`events after ${reached.ackedSeq} are missing`);
  if (isBefore(chain.at(-1)?.name, reached?.segment))
    throw new SpoolDamagedError(`${reached?.segment} is missing`);

  for (const [index, link] of chain.entries()) {
    const last = index === chain.length - 1;
    const bytes = options.disk.read(link.path) ?? Buffer.alloc(0);
    if (link.header.first_seq !== headSeq + 1)
      throw new SpoolDamagedError(`${link.name} does not continue the stream`);
    totals = createExactSums(totalsFromWire(link.header.totals));
    const limit = Math.min(bytes.length, link.bytesMax);
    // Most attempts settle where they were opened: only the rest are worth parsing.
    const here = new Map<string, RecordView>();
    let offset = 0;
    records = 0;
    for (;;) {
      const record = nextRecord(bytes, offset, limit);
      if (record === undefined) break;
      offset = record.end;
      records += 1;
      if (record.kind === "open" || record.kind === "held") {
        const id = readAttemptId(bytes, record);
        if (!opened.has(id)) here.set(id, record);
      } else if (record.kind === "settle") {
        const seq = readSeq(bytes, record);
        if (seq !== headSeq + 1) throw new SpoolDamagedError(`event ${seq} follows event ${headSeq}`);
        headSeq = seq;
        const id = readAttemptId(bytes, record);
        if (!here.delete(id)) opened.delete(id);
        // Totals of a segment that is not the last stand in the header of the next one.
        if (last) addUsage(totals, readUsage(readEventBytes(bytes, record)));
        if (seq > options.chargesAfterSeq) options.onCharges(readCharges(bytes, record), seq);
      }
    }
    for (const [id, record] of here) opened.set(id, attemptIn(bytes, record, link, options.contract));
    if (bytes.subarray(offset, limit).some((byte) => byte !== 0)) {
      const error = new SpoolDamagedError(`${link.name} cannot be read from byte ${offset} to ${limit}`);
      // A write that a crash has cut short is the last of all.
      (holdsRecord(bytes, offset + 1, limit) ? damage : torn).push(error);
    }
    if (offset < link.durableBytesMin)
      throw new SpoolDamagedError(`${link.name} cannot be read beyond byte ${offset}`);
    segments.push({
      name: link.name,
      path: link.path,
      version: link.header.version,
      firstSeq: link.header.first_seq,
      lastSeq: headSeq,
      bytes: offset,
      durableBytes: offset,
      previous: link.header.previous,
    });
  }
  if (reached !== undefined && headSeq < reached.headSeq)
    throw new SpoolDamagedError(`events after ${headSeq} cannot be read, and there were ${reached.headSeq}`);
  for (const stray of strays) {
    const bytes = options.disk.read(join(options.directory, stray));
    if (bytes !== undefined && mayHoldUsage(bytes, options.streamId))
      damage.push(new SpoolDamagedError(`${stray} is not part of the stream`));
  }
  return {
    segments,
    headSeq,
    damage,
    torn,
    totals: totals.read(),
    abandoned: heldOnce([...opened.values()]),
    nextRecord: newestNumber + Math.max(1, records),
    strays,
  };
}

function attemptIn(
  bytes: Buffer,
  record: RecordView,
  { name, header }: Link,
  { attemptOpened }: Contract,
): AbandonedAttempt {
  const { attemptJson, holdJson } = readOpened(bytes, record);
  const reading = attemptOpened.read(JSON.parse(attemptJson), header.version);
  if (!reading.ok) throw new SpoolDamagedError(`${name} has an attempt that is none`);
  return { attempt: reading.value, hold: holdJson === "" ? NOTHING_HELD : JSON.parse(holdJson) };
}

/** A call holds one thing, however many attempts it takes: of those that came before its last, none had an answer. */
function heldOnce(abandoned: readonly AbandonedAttempt[]): AbandonedAttempt[] {
  const last = new Map<string, number>();
  for (const { attempt } of abandoned)
    last.set(attempt.request_id, Math.max(attempt.attempt, last.get(attempt.request_id) ?? 0));
  return abandoned.map(({ attempt, hold }) => ({
    attempt,
    hold: attempt.attempt === last.get(attempt.request_id) ? hold : NOTHING_HELD,
  }));
}

interface Link {
  readonly name: string;
  readonly path: string;
  readonly header: SegmentHeader;
  readonly bytesMax: number;
  readonly durableBytesMin: number;
}

/** True where the newest segment that is there is older than the newest that was. */
function isBefore(name: string | undefined, reached: string | undefined): boolean {
  const [there, was] = [parseSegmentName(name ?? ""), parseSegmentName(reached ?? "")];
  if (was === undefined) return false;
  return there === undefined || byAge(there, was) < 0;
}

/** A copy of what the stream has, or what a writer that was superseded has left, holds nothing that is missing. */
function mayHoldUsage(bytes: Buffer, streamId: string): boolean {
  const header = headerIn(bytes);
  return header?.stream_id !== streamId && holdsRecord(bytes, 1, bytes.length);
}

interface NamedSegment {
  readonly name: string;
  readonly firstRecord: number;
  readonly writerEpoch: number;
}

function byAge(a: Omit<NamedSegment, "name">, b: Omit<NamedSegment, "name">): number {
  return a.writerEpoch - b.writerEpoch || a.firstRecord - b.firstRecord;
}

/** Newest first. */
function listSegments(disk: Disk, directory: string): NamedSegment[] {
  return disk
    .list(directory)
    .flatMap((name) => {
      const parsed = parseSegmentName(name);
      return parsed === undefined ? [] : [{ name, ...parsed }];
    })
    .sort((a, b) => byAge(b, a));
}

/** Of the newest segment that can be read; undefined where there is none. */
export function newestHeader(disk: Disk, directory: string): SegmentHeader | undefined {
  for (const segment of listSegments(disk, directory)) {
    const header = headerOf(disk, directory, segment);
    if (header !== undefined) return header;
  }
  return undefined;
}

/** Undefined where it is torn, or that of another file. */
function headerOf(
  disk: Disk,
  directory: string,
  { name, writerEpoch }: NamedSegment,
): SegmentHeader | undefined {
  const header = readSegmentHeader(disk, join(directory, name));
  if (header === undefined || header.writer_epoch !== writerEpoch) return undefined;
  return (header.name ?? name) === name ? header : undefined;
}

/** Walks from the newest segment with a whole header back to the oldest that is still there. */
function findChain({ disk, directory, contract, streamId, writerEpoch }: ReadSegmentsOptions): {
  chain: Link[];
  strays: string[];
  newestNumber: number;
} {
  const found = listSegments(disk, directory);
  const headers = new Map<string, SegmentHeader>();
  for (const segment of found) {
    const header = segment.writerEpoch < writerEpoch ? headerOf(disk, directory, segment) : undefined;
    if (header?.stream_id !== streamId) continue;
    if (header.version > contract.version) throw new NewerStateError(join(directory, segment.name));
    headers.set(segment.name, header);
  }
  const known = new Set(found.map((entry) => entry.name));
  const chain: Link[] = [];
  let name = [...headers.keys()][0];
  let [bytesMax, durableBytesMin] = [Number.POSITIVE_INFINITY, 0];
  while (name !== undefined && known.has(name)) {
    const header = headers.get(name);
    if (header === undefined) throw new SpoolDamagedError(`${name} has no readable header`);
    chain.unshift({ name, path: join(directory, name), header, bytesMax, durableBytesMin });
    bytesMax = header.previous?.bytes ?? 0;
    durableBytesMin = header.previous?.durable_bytes ?? 0;
    name = header.previous?.name;
  }
  const inChain = new Set(chain.map((link) => link.name));
  return {
    chain,
    strays: found.map((entry) => entry.name).filter((entry) => !inChain.has(entry)),
    newestNumber: parseSegmentName(chain.at(-1)?.name ?? "")?.firstRecord ?? 0,
  };
}

/** The header at the start of a segment; undefined where it is torn. */
function readSegmentHeader(disk: Disk, path: string): SegmentHeader | undefined {
  const bytes = Buffer.alloc(HEADER_BYTES_MAX);
  const fd = disk.open(path, "r");
  try {
    return headerIn(bytes.subarray(0, disk.readAt(fd, bytes, 0)));
  } finally {
    disk.close(fd);
  }
}

function headerIn(bytes: Buffer): SegmentHeader | undefined {
  const record = nextRecord(bytes, 0, bytes.length);
  return record?.kind === "header" ? readHeader(bytes, record) : undefined;
}

/** Far above a header with every dimension there is. */
const HEADER_BYTES_MAX = 64 * 1024;
