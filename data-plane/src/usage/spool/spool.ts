/**
 * The spool: every attempt's usage on local disk, from its opening until the control plane has acknowledged it.
 * It owns numbering, durability, recovery and the removal of what is no longer needed. It does not own what happens
 * to calls while the disk is full (the recorder), nor shipping (the reporter).
 */
import type { Contract } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import type { LocalBudgets } from "../../limits/budgets.ts";
import { type Disk, realDisk } from "../../storage/disk.ts";
import { type OpenStreamOptions, openStream } from "./open-stream.ts";
import { createRecentEvents, type RecentEvents } from "./recent-events.ts";
import type { Segment } from "./segment.ts";
import { createSegmentLog, type SegmentLog } from "./segment-log.ts";
import { createSegmentWriter } from "./segment-writer.ts";
import type { ShippedAs } from "./spool-identity.ts";
import { openSubstitutes, type Substitutes } from "./substitutes.ts";
import { totalsToWire } from "./totals.ts";

const SEGMENT_BYTES = 8 * 1024 * 1024;

export interface SpoolOptions extends Omit<OpenStreamOptions, "disk"> {
  /** Where `full` begins. Segments are made smaller where four of them would not fit. */
  readonly bytesMax: number;
  readonly segmentBytes?: number;
  readonly disk?: Disk;
  /** Called while opening, for every budget counter and every later charge. */
  restore(charge: BudgetCharge): void;
  /** What is known of budgets under other streams. Absent for a spool that another process has left. */
  readonly others?: Pick<LocalBudgets, "learn" | "elsewhere" | "beginStream">;
}

export interface Spool extends Pick<SegmentLog, "state" | "open" | "isLive" | "settle" | "recover"> {
  /** As which the control plane knows its events. */
  readonly shippedAs: ShippedAs;
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
  /** Calls of which no record says what was used. */
  readonly lostEvents: number;
  /** Attempts since the process began whose result was recorded with parts left out. */
  readonly markedEvents: number;
  /** Somebody else writes this stream: nothing more that is served here would be billed. */
  readonly fenced: boolean;
  /** Resolves when it is fenced. */
  readonly lost: Promise<void>;
  readonly segments: readonly Segment[];
  /** Events that are shipped as something else. */
  readonly substitutes: Substitutes;
  /** Events that can be shipped without reading the segments. */
  readonly recent: RecentEvents;
  readonly disk: Disk;
  readonly directory: string;
  readonly contract: Contract;
  /** Looks whether another process has opened the spool: a stream that is idle would not notice. */
  checkOwner(): void;
  /** The control plane takes this stream from somebody else by now. */
  fence(): void;
  /** Counts a call that was served and left no record of what it used. Kept on disk as far as the disk allows. */
  countLost(): void;
  /** Calls back after each group of events has reached the disk. */
  onCommit(listener: () => void): void;
  /** Remembers that the control plane has everything up to `seq`, and frees what that allows. */
  acknowledge(seq: number): Promise<void>;
  noteOldestUnacked(startedAt: number): void;
  /**
   * From now on what comes after `afterSeq` is shipped as a stream of its own. `totals`: sums up to that. Rejects where
   * the disk fails: all is then as it was.
   */
  beginStream(afterSeq: number, totals: ReadonlyMap<string, bigint>): Promise<void>;
  close(): Promise<void>;
}

/** Rejects where the disk does not take even the first bytes. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const disk = options.disk ?? realDisk;
  const { directory, contract, others } = options;
  const { identity, ledger, checkpoint, found } = await openStream({ ...options, disk });
  for (const charge of checkpoint.counters()) options.restore(charge);
  for (const charge of checkpoint.elsewhere()) others?.learn(charge);

  let ackedSeq = Math.max(
    ledger.value.stream_id === identity.streamId ? Math.min(ledger.value.acked_seq, found.headSeq) : 0,
    (found.segments[0]?.firstSeq ?? 1) - 1,
  );
  let lostEvents = ledger.value.lost_events;
  let markedEvents = 0;
  let fenced = false;
  let closed = false;
  const lost = Promise.withResolvers<void>();
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
  const substitutes = openSubstitutes(disk, directory, identity);
  const log = createSegmentLog({
    writer,
    contract,
    headSeq: found.headSeq,
    totals: found.totals,
    live: found.abandoned,
    superseded() {
      const superseded = identity.superseded();
      if (superseded) lost.resolve();
      return superseded;
    },
    onCommitted(events, bytes) {
      recent.add(events, bytes);
      for (const { charges, seq, startedAt } of events) {
        checkpoint.add(charges, seq);
        oldestUnackedAt ??= startedAt;
      }
      if (writer.current !== undefined && writer.current.name !== ledger.value.segment) writeLedger();
      for (const listener of listeners) listener();
    },
    onRotated: () => void free(),
    onMarked(status) {
      markedEvents += 1;
      if (status === "unsettled") countLost();
      if (markedEvents === 1)
        options.onFault(new Error("an attempt had figures that the contract has no words for"));
    },
    onFault: options.onFault,
  });

  function countLost(): void {
    lostEvents += 1;
    writeLedger();
  }

  function writeLedger(): void {
    if (log.state === "superseded") return;
    try {
      ledger.write({
        stream_id: identity.streamId,
        acked_seq: ackedSeq,
        lost_events: lostEvents,
        head_seq: log.durableSeq,
        segment: writer.current?.name ?? ledger.value.segment,
      });
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
      await checkpoint.save(others?.elsewhere);
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
  for (const { hold } of found.abandoned) for (const charge of hold.charges) options.restore(charge);
  if (log.durableSeq !== found.headSeq + found.abandoned.length)
    throw new Error("the disk does not take the events that recovery found");
  writeLedger();

  return {
    get shippedAs() {
      return identity.shippedAs;
    },
    writerEpoch: identity.writerEpoch,
    recent,
    substitutes,
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
    countLost,
    checkOwner() {
      if (!closed && log.checkSuperseded()) lost.resolve();
    },
    get markedEvents() {
      return markedEvents;
    },
    get fenced() {
      return fenced || log.state === "superseded";
    },
    lost: lost.promise,
    fence() {
      fenced = true;
      lost.resolve();
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
    async beginStream(afterSeq, totals) {
      checkpoint.beginStream();
      others?.beginStream();
      await checkpoint.save(others?.elsewhere);
      await identity.shipAs({ streamId: options.newStreamId(), afterSeq, totals: totalsToWire(totals) });
    },
    noteOldestUnacked(startedAt) {
      oldestUnackedAt = startedAt;
    },
    recover: log.recover,
    async close() {
      closed = true;
      await free();
      await log.close();
      if (log.state !== "superseded") await checkpoint.save(others?.elsewhere).catch(options.onFault);
      writeLedger();
      await ledger.sync().catch(options.onFault);
      ledger.close();
      identity.close();
    },
  };
}
