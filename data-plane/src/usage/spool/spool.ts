/**
 * The spool: every attempt's usage on local disk, from its opening until the control plane has acknowledged it.
 * It owns numbering, durability, recovery and the removal of what is no longer needed. It does not own what happens
 * to calls while the disk is full (the recorder), nor shipping (the reporter).
 */
import { join } from "node:path";
import type { Contract, Id } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import { type Disk, realDisk } from "../../storage/disk.ts";
import { moveAside, NewerStateError } from "../../storage/state-file.ts";
import { type BudgetCheckpoint, openBudgetCheckpoint } from "./budget-checkpoint.ts";
import { type RecoveredSegments, readSegments, SpoolDamagedError } from "./read-segments.ts";
import { createRecentEvents, type RecentEvents } from "./recent-events.ts";
import type { Segment } from "./segment.ts";
import { createSegmentLog, type SegmentLog } from "./segment-log.ts";
import { createSegmentWriter } from "./segment-writer.ts";
import { setAside } from "./set-aside.ts";
import { claimSpool, type SpoolIdentity } from "./spool-identity.ts";
import { openSpoolLedger } from "./spool-ledger.ts";

const SEGMENT_BYTES = 8 * 1024 * 1024;

export interface SpoolOptions {
  readonly directory: string;
  /** Where `full` begins. Segments are made smaller where four of them would not fit. */
  readonly bytesMax: number;
  readonly segmentBytes?: number;
  readonly disk?: Disk;
  /** In the newest form of which all is written. */
  readonly contract: Contract;
  newStreamId(): Id<"stream">;
  /** Leaves a newer program's spool to it, and rejects; without this it is set aside. */
  readonly leavesNewer?: boolean;
  /** Called while opening, for every budget counter and every later charge. */
  restore(charge: BudgetCharge): void;
  /** False for budget keys of windows so long past that nothing asks for them. */
  keepsCounter(key: string): boolean;
  /** Told of every fault of the disk, of damage, and of being superseded. */
  onFault(error: unknown): void;
}

export interface Spool extends Pick<SegmentLog, "state" | "open" | "isLive" | "settle" | "recover"> {
  readonly streamId: Id<"stream">;
  readonly writerEpoch: number;
  readonly bytes: number;
  readonly full: boolean;
  /** The newest event on disk. */
  readonly headSeq: number;
  readonly ackedSeq: number;
  /** When the oldest event that is not acknowledged began, in Unix milliseconds; null when all are. */
  readonly oldestUnackedAt: number | null;
  /** Sums of every dimension over all events up to `headSeq`. */
  readonly totals: ReadonlyMap<string, bigint>;
  readonly lostEvents: number;
  readonly segments: readonly Segment[];
  /** Events that can be shipped without reading the segments. */
  readonly recent: RecentEvents;
  readonly disk: Disk;
  readonly directory: string;
  readonly contract: Contract;
  /** Counts a call that was served and left no record. Kept on disk as far as the disk allows. */
  countLost(): void;
  /** Calls back after each group of events has reached the disk. */
  onCommit(listener: () => void): void;
  /** Remembers that the control plane has everything up to `seq`, and frees what that allows. */
  acknowledge(seq: number): Promise<void>;
  noteOldestUnacked(startedAt: number): void;
  close(): Promise<void>;
}

/**
 * Rejects where the disk does not take even the first bytes. A stream that is damaged or a newer program's is set aside,
 * whole and counted, and a new one begins.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const disk = options.disk ?? realDisk;
  const { directory, contract } = options;
  disk.makeDirectory(directory);
  let streamsAside = 0;
  let identity = await claim();
  const ledger = openSpoolLedger(disk, directory, onNewerFile);
  countStreamsAside();
  let checkpoint = openCheckpoint(identity);
  let found: RecoveredSegments;
  try {
    found = read();
  } catch (error) {
    identity.close();
    if (error instanceof NewerStateError) setStreamAside(error, "newer");
    else if (error instanceof SpoolDamagedError) setStreamAside(error, "damaged");
    else throw error;
    countStreamsAside();
    const counted = checkpoint;
    identity = await claim();
    checkpoint = openCheckpoint(identity);
    checkpoint.add([...surplus(counted, checkpoint)], 0);
    await checkpoint.save();
    found = read();
  }
  for (const charge of checkpoint.counters()) options.restore(charge);
  for (const stray of found.strays) disk.remove(join(directory, stray));
  await makeDurable(disk, found.segments.slice(-2));

  function claim(): Promise<SpoolIdentity> {
    return claimSpool(disk, directory, options.newStreamId, (error) => setStreamAside(error, "newer"));
  }

  function tell(error: Error): void {
    if (error instanceof NewerStateError && options.leavesNewer === true) throw error;
    options.onFault(error);
  }

  function setStreamAside(error: Error, why: "damaged" | "newer"): void {
    tell(error);
    setAside(disk, directory, why);
    streamsAside += 1;
  }

  function countStreamsAside(): void {
    if (streamsAside === 0) return;
    const lost_events = ledger.value.lost_events + streamsAside;
    ledger.write({ ...ledger.value, acked_seq: 0, lost_events });
    streamsAside = 0;
  }

  function onNewerFile(error: NewerStateError): void {
    tell(error);
    moveAside(disk, error.path);
  }

  function openCheckpoint({ streamId }: SpoolIdentity): BudgetCheckpoint {
    return openBudgetCheckpoint({
      disk,
      directory,
      streamId,
      keeps: options.keepsCounter,
      onNewer: onNewerFile,
    });
  }

  function read(): RecoveredSegments {
    return readSegments({
      disk,
      directory,
      contract,
      streamId: identity.streamId,
      ackedSeq: ledger.value.stream_id === identity.streamId ? ledger.value.acked_seq : undefined,
      chargesAfterSeq: checkpoint.seq,
      onCharges: (charges, seq) => checkpoint.add(charges, seq),
    });
  }

  let ackedSeq = Math.max(
    ledger.value.stream_id === identity.streamId ? Math.min(ledger.value.acked_seq, found.headSeq) : 0,
    (found.segments[0]?.firstSeq ?? 1) - 1,
  );
  let lostEvents = ledger.value.lost_events;
  let oldestUnackedAt: number | null = null;
  let freeing: Promise<void> | undefined;
  const listeners: (() => void)[] = [];

  const writer = createSegmentWriter({
    disk,
    directory,
    version: contract.version,
    streamId: identity.streamId,
    writerEpoch: identity.writerEpoch,
    segmentBytes: Math.min(options.segmentBytes ?? SEGMENT_BYTES, Math.ceil(options.bytesMax / 4)),
    segments: found.segments,
    nextRecord: found.nextRecord,
  });
  const recent = createRecentEvents(contract.version, found.totals);
  const log = createSegmentLog({
    writer,
    contract,
    headSeq: found.headSeq,
    totals: found.totals,
    live: found.abandoned,
    superseded: identity.superseded,
    onCommitted(events, bytes) {
      recent.add(events, bytes);
      for (const { charges, seq, startedAt } of events) {
        checkpoint.add(charges, seq);
        oldestUnackedAt ??= startedAt;
      }
      for (const listener of listeners) listener();
    },
    onRotated: () => void free(),
    onFault: options.onFault,
  });

  function writeLedger(): void {
    if (log.state === "superseded") return;
    try {
      ledger.write({ stream_id: identity.streamId, acked_seq: ackedSeq, lost_events: lostEvents });
    } catch (error) {
      options.onFault(error);
    }
  }

  /** Saves the budget counters where a full segment waits for that, then removes what nothing needs any more. */
  function free(): Promise<void> {
    freeing ??= freeOldest()
      .catch(options.onFault)
      .finally(() => {
        freeing = undefined;
      });
    return freeing;
  }

  async function freeOldest(): Promise<void> {
    const full = writer.segments.at(-2);
    if (full !== undefined && checkpoint.savedSeq < full.lastSeq && log.state !== "superseded")
      await checkpoint.save();
    for (;;) {
      const oldest = writer.segments[0];
      if (oldest === undefined || writer.segments.length === 1 || log.state === "superseded") return;
      if (oldest.lastSeq > ackedSeq || oldest.lastSeq > checkpoint.savedSeq) return;
      if (!(await log.carryForward(oldest))) return;
      disk.remove(oldest.path);
      // In order on disk too: an attempt's open must never outlive its settle.
      await disk.syncDirectory(directory);
      writer.forgetOldest();
    }
  }

  await log.start();
  await Promise.all(found.abandoned.map(log.abandon));
  if (log.durableSeq !== found.headSeq + found.abandoned.length)
    throw new Error("the disk does not take the events that recovery found");
  writeLedger();

  return {
    streamId: identity.streamId,
    writerEpoch: identity.writerEpoch,
    recent,
    disk,
    directory,
    contract,
    get state() {
      return log.state;
    },
    get bytes() {
      return writer.bytes;
    },
    get full() {
      return writer.bytes >= options.bytesMax;
    },
    get headSeq() {
      return log.durableSeq;
    },
    get ackedSeq() {
      return ackedSeq;
    },
    get oldestUnackedAt() {
      return ackedSeq >= log.durableSeq ? null : oldestUnackedAt;
    },
    get totals() {
      return log.totals;
    },
    get lostEvents() {
      return lostEvents;
    },
    get segments() {
      return writer.segments;
    },
    open: log.open,
    isLive: log.isLive,
    settle: log.settle,
    countLost() {
      lostEvents += 1;
      writeLedger();
    },
    onCommit: (listener) => void listeners.push(listener),
    async acknowledge(seq) {
      ackedSeq = Math.min(seq, log.durableSeq);
      if (ackedSeq === log.durableSeq) oldestUnackedAt = null;
      writeLedger();
      if (log.state === "superseded") return;
      await ledger.sync().catch(options.onFault);
      await free();
    },
    noteOldestUnacked(startedAt) {
      oldestUnackedAt = startedAt;
    },
    recover: log.recover,
    async close() {
      await free();
      await log.close();
      if (log.state !== "superseded") await checkpoint.save().catch(options.onFault);
      writeLedger();
      await ledger.sync().catch(options.onFault);
      ledger.close();
      identity.close();
    },
  };
}

/** The charges that one checkpoint has seen and the other has not. */
function* surplus(counted: BudgetCheckpoint, known: BudgetCheckpoint): Iterable<BudgetCharge> {
  const before = new Map([...known.counters()].map(({ key, amount }) => [key, BigInt(amount)]));
  for (const { key, amount } of counted.counters()) {
    const more = BigInt(amount) - (before.get(key) ?? 0n);
    if (more > 0n) yield { key, amount: more.toString() };
  }
}

/**
 * Cuts the torn tail off and syncs what was read: a process that was killed may have left it in the page cache, and
 * the next segment is about to say that it is on disk.
 */
async function makeDurable(disk: Disk, segments: readonly Segment[]): Promise<void> {
  for (const segment of segments) {
    const fd = disk.open(segment.path, "r+");
    try {
      disk.truncate(fd, segment.bytes);
      await disk.sync(fd);
    } finally {
      disk.close(fd);
    }
  }
}
