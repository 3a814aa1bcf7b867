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
import { createExactSums } from "./exact-sums.ts";
import {
  nextRecord,
  type RecordView,
  readAttemptId,
  readAttemptJson,
  readCharges,
  readEventBytes,
  readHeader,
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
  readonly abandoned: AttemptOpened[];
  /** The number for the next segment's name. */
  readonly nextRecord: number;
  /** Files that look like segments and are not part of the stream. */
  readonly strays: string[];
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
  /** Undefined where it is not known; what was removed then counts as acknowledged. */
  readonly ackedSeq: number | undefined;
  /** Charges of events after this one are handed to `onCharges`, in order. */
  readonly chargesAfterSeq: number;
  onCharges(charges: readonly BudgetCharge[], seq: number): void;
}

/** Throws `SpoolDamagedError`, and `NewerStateError` for a newer program's segments; faults of the disk pass through. */
export function readSegments(options: ReadSegmentsOptions): RecoveredSegments {
  const { chain, strays, newestNumber } = findChain(options);
  const opened = new Map<string, AttemptOpened>();
  const segments: Segment[] = [];
  let headSeq = (chain[0]?.header.first_seq ?? 1) - 1;
  let totals = createExactSums();
  let records = 0;
  const missing = chain.length === 0 ? (options.ackedSeq ?? 0) > 0 : headSeq > (options.ackedSeq ?? headSeq);
  if (missing) throw new SpoolDamagedError(`events after ${options.ackedSeq} are missing`);

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
      if (record.kind === "open") {
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
  return {
    segments,
    headSeq,
    totals: totals.read(),
    abandoned: [...opened.values()],
    nextRecord: newestNumber + Math.max(1, records),
    strays,
  };
}

function attemptIn(
  bytes: Buffer,
  record: RecordView,
  { name, header }: Link,
  { attemptOpened }: Contract,
): AttemptOpened {
  const reading = attemptOpened.read(JSON.parse(readAttemptJson(bytes, record)), header.version);
  if (!reading.ok) throw new SpoolDamagedError(`${name} has an attempt that is none`);
  return reading.value;
}

interface Link {
  readonly name: string;
  readonly path: string;
  readonly header: SegmentHeader;
  readonly bytesMax: number;
  readonly durableBytesMin: number;
}

/** Walks from the newest segment with a whole header back to the oldest that is still there. */
function findChain({ disk, directory, contract, streamId }: ReadSegmentsOptions): {
  chain: Link[];
  strays: string[];
  newestNumber: number;
} {
  const names = disk
    .list(directory)
    .flatMap((name) => {
      const parsed = parseSegmentName(name);
      return parsed === undefined ? [] : [{ name, ...parsed }];
    })
    .sort((a, b) => b.writerEpoch - a.writerEpoch || b.firstRecord - a.firstRecord);
  const chain: Link[] = [];
  const known = new Set(names.map((entry) => entry.name));
  const headerIn = (name: string) => readSegmentHeader(disk, join(directory, name));
  const headerOf = (name: string): SegmentHeader | undefined => {
    const header = headerIn(name);
    if (header?.stream_id !== streamId) return undefined;
    if (header.version > contract.version) throw new NewerStateError(join(directory, name));
    return header;
  };
  let name = names.find((candidate) => headerOf(candidate.name) !== undefined)?.name;
  let [bytesMax, durableBytesMin] = [Number.POSITIVE_INFINITY, 0];
  while (name !== undefined && known.has(name)) {
    const header = headerOf(name);
    if (header === undefined) throw new SpoolDamagedError(`${name} has no readable header`);
    chain.unshift({ name, path: join(directory, name), header, bytesMax, durableBytesMin });
    bytesMax = header.previous?.bytes ?? 0;
    durableBytesMin = header.previous?.durable_bytes ?? 0;
    name = header.previous?.name;
  }
  const inChain = new Set(chain.map((link) => link.name));
  const isStray = (name: string): boolean => {
    if (inChain.has(name)) return false;
    // Another stream's files are never ours to remove.
    const header = headerIn(name);
    return header === undefined || header.stream_id === streamId;
  };
  return {
    chain,
    strays: names.map((entry) => entry.name).filter(isStray),
    newestNumber: names.reduce((most, entry) => Math.max(most, entry.firstRecord), 0),
  };
}

/** The header at the start of a segment; undefined where it is torn. */
function readSegmentHeader(disk: Disk, path: string): SegmentHeader | undefined {
  const bytes = Buffer.alloc(HEADER_BYTES_MAX);
  const fd = disk.open(path, "r");
  try {
    const record = nextRecord(bytes, 0, disk.readAt(fd, bytes, 0));
    return record?.kind === "header" ? readHeader(bytes, record) : undefined;
  } finally {
    disk.close(fd);
  }
}

/** Far above a header with every dimension there is. */
const HEADER_BYTES_MAX = 64 * 1024;
