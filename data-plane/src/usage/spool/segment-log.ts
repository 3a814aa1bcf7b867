/**
 * The writing end of the spool. Open records go to the operating system at once; settled events wait in memory for
 * the group commit and are numbered, without holes, in the order of their settling. Bytes are appended strictly in
 * order and the sync that covers an event covers all that stands before it, so no event can be behind a torn record.
 *
 * When the disk fails, a new segment is put in place whole, with every attempt that is still running and every event
 * that is not yet safe. While that fails too, nothing is written and events that settle are kept.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { AttemptOpened, Contract, UsageEvent } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import { admissible, isAdmissible } from "../admissible.ts";
import { type AttemptHold, type AttemptResult, NOTHING_HELD, UNSETTLED } from "../usage-recorder.ts";
import { createEventGroup, type GroupedEvent, type Settlement } from "./event-group.ts";
import { attemptToJson } from "./event-json.ts";
import { createExactSums } from "./exact-sums.ts";
import type { AbandonedAttempt } from "./read-segments.ts";
import { appendOpen, appendRecords, createRecordBuffer, type OpenRecord } from "./record.ts";
import type { Segment } from "./segment.ts";
import type { Records, SegmentStart, SegmentWriter } from "./segment-writer.ts";
import { addUsage } from "./totals.ts";

/** So many events in one group are load, and so many milliseconds the next group then waits for more. */
const CROWD = 8;
const GATHER_MS = 2;

export interface SegmentLogOptions {
  readonly writer: SegmentWriter;
  readonly contract: Contract;
  readonly headSeq: number;
  /** Sums up to `headSeq`. */
  readonly totals: ReadonlyMap<string, bigint>;
  /** Attempts that recovery found open: kept safe until they are settled. */
  readonly live: readonly AbandonedAttempt[];
  superseded(): boolean;
  /** Events that have just become durable, in order. `bytes` may be read until this returns. */
  onCommitted(events: readonly GroupedEvent[], bytes: Buffer): void;
  /** A full segment has ended. */
  onRotated(): void;
  /** A result had parts that the contract has no words for; `unsettled` where that is what was used. */
  onMarked(status: UsageEvent["status"]): void;
  onFault(error: unknown): void;
}

export interface SegmentLog {
  /** The newest event that is on disk. */
  readonly durableSeq: number;
  /** Sums up to it, at this moment. */
  readonly totals: ReadonlyMap<string, bigint>;
  /** `failing`: the disk does not take bytes; `superseded`: another process has taken the spool over. */
  readonly state: "writing" | "failing" | "superseded";
  /** True once another process has taken the spool over. */
  checkSuperseded(): boolean;
  /** Begins the log's first segment. Rejects where the disk fails. */
  start(): Promise<void>;
  /**
   * Attempts that are opened in one turn of the event loop are handed to the operating system together, at its end.
   * False where the attempt is not on record: the disk failed, or the spool was taken over.
   */
  open(attempt: AttemptOpened, hold?: AttemptHold): Promise<boolean>;
  /** True from a successful `open` until `settle`. */
  isLive(attemptId: string): boolean;
  /**
   * Gives the event its number. Resolves when it is on disk, or when it is known that the disk does not take it for
   * now: it is then kept, and written once the disk is back.
   */
  settle(attempt: AttemptOpened, result: AttemptResult, charges: readonly BudgetCharge[]): Promise<void>;
  /** The same for an attempt of which no more will be known: what it held counts as used. */
  abandon(abandoned: AbandonedAttempt): Promise<void>;
  /** Tries to write again what could not be written. True when everything is on disk. */
  recover(): Promise<boolean>;
  /** Writes those attempts again that are still running and were opened in this segment; false while it is needed. */
  carryForward(segment: Segment): Promise<boolean>;
  close(): Promise<void>;
}

interface LiveAttempt extends OpenRecord {
  segment: Segment | undefined;
  /** Its event is on its way to the disk. */
  settled: boolean;
}

export function createSegmentLog(options: SegmentLogOptions): SegmentLog {
  const { writer, contract } = options;
  const totals = createExactSums(new Map(options.totals));
  const live = new Map(
    options.live.map((one) => [one.attempt.attempt_id as string, liveAttempt(one, contract)]),
  );
  const openBuffer = createRecordBuffer(4 * 1024);
  let opening: LiveAttempt[] = [];
  let openingTurn: Promise<boolean> | undefined;
  let filling = createEventGroup(contract.version);
  let flying = createEventGroup(contract.version);
  let assignedSeq = options.headSeq;
  let durableSeq = options.headSeq;
  let state: SegmentLog["state"] = "writing";
  let running: Promise<void> | undefined;
  let closed = false;

  function fail(error: unknown): void {
    if (state === "writing") state = "failing";
    options.onFault(error);
  }

  function checkSuperseded(): boolean {
    if (state !== "superseded" && options.superseded()) {
      state = "superseded";
      options.onFault(new Error("another process has taken this spool over"));
    }
    return state === "superseded";
  }

  function nextStart(): SegmentStart {
    return { firstSeq: durableSeq + 1, totals: totals.read() };
  }

  /** A new segment with all that is not safe elsewhere: running attempts first, then the group in flight. */
  async function replace(): Promise<void> {
    const buffer = createRecordBuffer(64 * 1024);
    const carried = [...live.values()];
    for (const entry of carried) appendOpen(buffer, entry);
    appendRecords(buffer, flying.buffer);
    const count = carried.length + flying.events.length;
    const segment = await writer.replace(nextStart(), { buffer, count });
    for (const entry of carried) entry.segment = segment;
    if (state === "failing") state = "writing";
  }

  /** Where appending fails, the group is written once more, in a new segment. True when it is on disk. */
  async function writeGroup(): Promise<boolean> {
    if (state === "writing") {
      try {
        if (writer.full) {
          writer.rotate(nextStart());
          options.onRotated();
        }
        writer.append({ buffer: flying.buffer, count: flying.events.length });
        await writer.sync();
        return true;
      } catch (error) {
        fail(error);
      }
    }
    if (checkSuperseded()) return false;
    try {
      await replace();
      return true;
    } catch (error) {
      fail(error);
      return false;
    }
  }

  /** The group in flight is on disk, and was written before anybody else took over. */
  function committed(): void {
    const events = flying.clear();
    for (const { seq, attemptId, usage } of events) {
      live.delete(attemptId);
      addUsage(totals, usage);
      durableSeq = seq;
    }
    if (writer.current !== undefined) writer.current.lastSeq = durableSeq;
    flying.release();
    if (events.length > 0) options.onCommitted(events, flying.buffer.bytes);
  }

  async function run(): Promise<void> {
    // One turn of the event loop gathers what settles together.
    await new Promise((resolve) => setImmediate(resolve));
    let crowded = false;
    while (filling.hasWork || flying.hasWork || state === "failing") {
      // Under load a sync for every few calls would cost more than it gives: let more of them gather.
      if (crowded) await delay(GATHER_MS);
      if (!flying.hasWork) [flying, filling] = [filling, flying];
      crowded = flying.events.length >= CROWD;
      if ((await writeGroup()) && !checkSuperseded()) {
        committed();
        continue;
      }
      // The events stay, and are written when the disk is back; nobody is kept waiting for that.
      flying.release();
      filling.release();
      return;
    }
  }

  function schedule(): Promise<void> {
    if (closed) return Promise.resolve();
    running ??= run()
      .catch(options.onFault)
      .finally(() => {
        running = undefined;
        if (state === "writing" && filling.hasWork) void schedule();
      });
    return running;
  }

  /** Hands all queued attempts to the operating system, or none of them. */
  function writeOpens(): boolean {
    const entries = opening;
    opening = [];
    openingTurn = undefined;
    const written = appendOpens(entries.length);
    openBuffer.length = 0;
    if (written) {
      for (const entry of entries) {
        entry.segment = writer.current;
        live.set(entry.attemptId, entry);
      }
    }
    return written;
  }

  function appendOpens(count: number): boolean {
    if (closed || state !== "writing" || writer.current === undefined || checkSuperseded()) return false;
    return append({ buffer: openBuffer, count });
  }

  /** False where the disk fails: what is not safe is then written anew. */
  function append(records: Records): boolean {
    try {
      writer.append(records);
      return true;
    } catch (error) {
      fail(error);
      void schedule();
      return false;
    }
  }

  function nextCommit(): Promise<void> {
    const durable = filling.wait();
    if (running === undefined) void schedule();
    return durable;
  }

  function settle(outcome: Omit<Settlement, "seq" | "attemptJson">): Promise<void> {
    if (closed) return Promise.resolve();
    const { attempt } = outcome;
    const entry = live.get(attempt.attempt_id);
    if (entry !== undefined) entry.settled = true;
    assignedSeq += 1;
    const attemptJson = entry?.json ?? attemptToJson(attempt, contract);
    filling.add({ ...outcome, seq: assignedSeq, attemptJson });
    return state === "writing" ? nextCommit() : Promise.resolve();
  }

  return {
    get durableSeq() {
      return durableSeq;
    },
    get state() {
      return state;
    },
    get totals() {
      return totals.read();
    },
    start: replace,
    checkSuperseded,
    open(attempt, hold = NOTHING_HELD) {
      const entry = liveAttempt({ attempt, hold }, contract);
      appendOpen(openBuffer, entry);
      opening.push(entry);
      openingTurn ??= new Promise((resolve) => setImmediate(() => resolve(writeOpens())));
      return openingTurn;
    },
    isLive: (attemptId) => live.get(attemptId)?.settled === false,
    settle(attempt, result, charges) {
      if (isAdmissible(result)) return settle({ status: "settled", attempt, result, charges });
      const said = admissible(result);
      options.onMarked(said.status);
      return settle({ ...said, attempt, charges });
    },
    abandon({ attempt, hold: { charges, usage } }) {
      const estimated: AttemptResult = { ...UNSETTLED, usage, accuracy: "estimated" };
      const known = Object.keys(usage).length > 0 && isAdmissible(estimated);
      return settle({ status: "unsettled", attempt, result: known ? estimated : UNSETTLED, charges });
    },
    async recover() {
      // What runs already may have given up a moment ago.
      if (state === "failing") await running;
      if (state === "failing") await schedule();
      return state === "writing" && durableSeq === assignedSeq;
    },
    async carryForward(segment) {
      const entries = [...live.values()].filter((entry) => entry.segment === segment);
      if (entries.length === 0) return true;
      // An event that is on its way must not be overtaken by its own opening.
      if (entries.some((entry) => entry.settled)) return false;
      if (state !== "writing" || writer.current === undefined) return false;
      const buffer = createRecordBuffer();
      for (const entry of entries) appendOpen(buffer, entry);
      if (!append({ buffer, count: entries.length })) return false;
      for (const entry of entries) entry.segment = writer.current;
      await nextCommit();
      return state === "writing";
    },
    async close() {
      await openingTurn;
      while (running !== undefined) await running;
      if (state === "failing") await schedule();
      closed = true;
      writer.close();
    },
  };
}

function liveAttempt({ attempt, hold }: AbandonedAttempt, contract: Contract): LiveAttempt {
  const json = attemptToJson(attempt, contract);
  const holdJson = hold === NOTHING_HELD ? "" : JSON.stringify(hold);
  return { attemptId: attempt.attempt_id, json, holdJson, segment: undefined, settled: false };
}
