/**
 * Ships the spool to the control plane: one batch in flight, always the next events in order, for ever. Events come
 * from memory as long as shipping keeps up, and else from disk, a batch at a time, whatever the backlog.
 *
 * A batch that is refused, or cannot even be written, is cut in halves until it is the one event that is at fault. That
 * is shipped as a substitute and kept; all others are shipped as they are. Where not even that is taken, the fault is
 * not in the event: the stream stops, since what comes after would leave a hole, and it is tried again every minute.
 *
 * Events that the ledger has otherwise (a copy of this directory has shipped others under their numbers) are found in the
 * same way, and shipped from there on as a stream of their own. Nothing counts as shipped that was not compared.
 */
import { join } from "node:path";
import { backoffMs } from "@headgate/sdk/backoff";
import { USAGE_BATCH_EVENTS_MAX } from "@headgate/sdk/contract";
import type { Clock } from "../../lib/clock.ts";
import { replaceFile } from "../../storage/disk.ts";
import { createEventReader } from "../spool/event-reader.ts";
import type { EventSlice } from "../spool/event-slice.ts";
import { createExactSums } from "../spool/exact-sums.ts";
import { readUsage } from "../spool/record.ts";
import type { Spool } from "../spool/spool.ts";
import { addUsage, subtractUsage } from "../spool/totals.ts";
import { createBatchEncoder } from "./batch.ts";
import { type BatchVerdict, inSpool, judgeAnswer, type SendResult } from "./batch-answer.ts";
import { substitutesFor } from "./substitute.ts";

const LINGER_MS = 1_000;
const RETRY = { firstMs: 1_000, maxMs: 60_000 };
const REFUSED_RETRY_MS = 60_000;
/** Longer waits than this are not asked for by a server in its right mind. */
const RETRY_AFTER_MAX_MS = 15 * 60_000;

/**
 * Posts a batch (gzip NDJSON) with the data plane's credential, in a version of the contract that the control plane
 * reads. Rejects when there was no answer.
 */
export type SendBatch = (bodyIn: (version: number) => Promise<Uint8Array>) => Promise<SendResult>;

export interface ReporterOptions {
  readonly spool: Spool;
  readonly clock: Clock;
  readonly send: SendBatch;
  /** Uniform in [0, 1). */
  random(): number;
  onFault(error: unknown): void;
  /** Waits, or returns early when the signal is aborted. Never rejects. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** `refused`: the control plane does not take the next batch. `fenced`: another writer has the stream. */
export type ReporterState = "shipping" | "retrying" | "refused" | "fenced" | "stopped";

export interface Reporter {
  readonly state: ReporterState;
  /** Batches that wait because they were refused: 0 or 1, since nothing is shipped past one. */
  readonly quarantinedBatches: number;
  /** How often the ledger turned out to have another history, since the process began. */
  readonly streamsBegun: number;
  start(): void;
  /** Ships without lingering until everything on disk is acknowledged. False when the time ran out first. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Ends after the batch in flight. */
  stop(): Promise<void>;
}

export function createReporter(options: ReporterOptions): Reporter {
  const { spool, clock, send, random, onFault } = options;
  const sleep = options.sleep ?? sleepUnlessAborted;
  const reader = createEventReader(spool);
  const encodeBatch = createBatchEncoder(spool);
  const asidePath = join(spool.directory, "refused-batch.ndjson.gz");
  let state: ReporterState = "stopped";
  let quarantinedBatches = 0;
  let streamsBegun = 0;
  /** How many events the next batch has at most: fewer while one that is at fault is looked for. */
  let eventsMax = USAGE_BATCH_EVENTS_MAX;
  let flushing = 0;
  let failures = 0;
  let loop: Promise<void> | undefined;
  let wake = new AbortController();

  const pending = (): number => spool.headSeq - spool.ackedSeq;
  const stopped = (): boolean => state === "stopped" || state === "fenced";

  /** How many pending events end the wait that the loop is in. */
  let wakeAt = Number.POSITIVE_INFINITY;

  spool.onCommit(() => {
    if (pending() >= wakeAt) wakeUp();
  });

  /** Waits for so many pending events. */
  async function sleepUntilPending(count: number, ms: number): Promise<void> {
    wakeAt = count;
    await pause(ms);
    wakeAt = Number.POSITIVE_INFINITY;
  }

  /** What woke the sleepers for the end has passed by then, so nothing sleeps after it. */
  async function pause(ms: number): Promise<void> {
    if (!stopped()) await sleep(ms, wake.signal);
  }

  function wakeUp(): void {
    wakeAt = Number.POSITIVE_INFINITY;
    wake.abort(WOKEN);
    wake = new AbortController();
  }

  async function run(): Promise<void> {
    while (!stopped()) {
      await spool.recover();
      if (pending() === 0) {
        await sleepUntilPending(1, RETRY.maxMs);
        continue;
      }
      if (pending() < USAGE_BATCH_EVENTS_MAX && flushing === 0)
        await sleepUntilPending(USAGE_BATCH_EVENTS_MAX, LINGER_MS);
      if (stopped()) return;
      const next = spool.ackedSeq + 1;
      const recent = eventsMax < USAGE_BATCH_EVENTS_MAX ? undefined : spool.recent.take(next);
      const slice = recent ?? reader.read(next, eventsMax);
      if (slice === undefined) {
        await refuse("events are no longer in the spool", undefined);
        continue;
      }
      spool.noteOldestUnacked(slice.oldestStartedAt);
      await shipUntilAnswered(spool.substitutes.apply(slice));
    }
  }

  /** Sends one slice until its fate is known, or until it is to be cut. */
  async function shipUntilAnswered(slice: EventSlice): Promise<void> {
    while (!stopped()) {
      const { verdict, body } = await offer(slice);
      switch (verdict.kind) {
        case "acked":
          return acknowledged(slice, verdict.ackedSeq);
        case "fenced":
          return fence();
        case "retry":
          if (state !== "stopped") state = "retrying";
          await pause(backoff(verdict.retryAfterMs));
          continue;
        case "gap":
          if (verdict.expectedSeq > slice.firstSeq && verdict.expectedSeq <= slice.lastSeq)
            // The ledger has the first of them, or others under their numbers: alone they are compared.
            return cutTo(verdict.expectedSeq - slice.firstSeq);
          if (canGoOnFrom(verdict.expectedSeq, slice)) return advance(verdict.expectedSeq - 1);
          return refuse("the ledger knows another history", body);
        case "history_changed":
          if (slice.firstSeq < slice.lastSeq) return cutInHalves(slice);
          return beginStream(slice.firstSeq - 1, totalsBefore(reader.read(slice.firstSeq, 1) ?? slice));
        case "refused":
          if (verdict.ofEvents && slice.firstSeq < slice.lastSeq) return cutInHalves(slice);
          if (verdict.ofEvents && (await shipSubstitute(slice))) return;
          return refuse(verdict.reason, body);
      }
    }
  }

  /** Sends it once. Seqs in the verdict are those of the spool. */
  async function offer(slice: EventSlice): Promise<{ verdict: BatchVerdict; body: Uint8Array | undefined }> {
    let body: Uint8Array | undefined;
    let unwritable: unknown;
    const bodyIn = async (version: number): Promise<Uint8Array> => {
      try {
        body = await encodeBatch(slice, clock.wallMs(), version);
        unwritable = undefined;
        return body;
      } catch (error) {
        unwritable = error;
        throw error;
      }
    };
    try {
      const verdict = judgeAnswer(await send(bodyIn), spool.contract);
      return { verdict: inSpool(verdict, spool.shippedAs.afterSeq), body };
    } catch {
      if (unwritable === undefined) return { verdict: NO_ANSWER, body };
      return { verdict: { kind: "refused", reason: String(unwritable), ofEvents: true }, body };
    }
  }

  function cutTo(count: number): void {
    eventsMax = count;
  }

  function cutInHalves({ firstSeq, lastSeq }: EventSlice): void {
    cutTo(Math.ceil((lastSeq - firstSeq + 1) / 2));
  }

  async function acknowledged(slice: EventSlice, ackedSeq: number): Promise<void> {
    if (ackedSeq < slice.lastSeq) return refuse("the ledger acknowledges less than it took", undefined);
    const isAhead = ackedSeq > spool.headSeq;
    // Only what was sent is known to be the same.
    await advance(slice.lastSeq);
    if (isAhead && slice.lastSeq === spool.headSeq) await beginStream(slice.lastSeq, slice.totals);
  }

  async function beginStream(afterSeq: number, totals: ReadonlyMap<string, bigint>): Promise<void> {
    await spool.beginStream(afterSeq, totals);
    onFault(new Error(`the ledger has another history after event ${afterSeq}: a new stream begins`));
    streamsBegun += 1;
    await advance(afterSeq);
  }

  function fence(): void {
    state = "fenced";
    spool.fence();
    onFault(new Error("the control plane has fenced this writer off"));
  }

  /** True when the one event of the slice was taken as something else. */
  async function shipSubstitute(slice: EventSlice): Promise<boolean> {
    const { firstSeq: seq, version } = slice;
    if (spool.substitutes.has(seq)) return false;
    const event = slice.lines.subarray(0, -1);
    for (const substitute of substitutesFor(event, version, spool.contract)) {
      const totals = createExactSums(new Map(totalsBefore(slice)));
      addUsage(totals, readUsage(substitute));
      const lines = Buffer.concat([substitute, LINE_FEED]);
      const { verdict } = await offer({ ...slice, lines, totals: totals.read() });
      if (verdict.kind !== "acked" || verdict.ackedSeq < seq) continue;
      await spool.substitutes.keep({ seq, version, event: Buffer.from(event), substitute });
      onFault(
        new Error(`event ${seq} was not taken as it is: it is kept, and another was shipped in its place`),
      );
      if (isUnsettled(substitute) && !isUnsettled(event)) spool.countLost();
      await advance(seq);
      return true;
    }
    return false;
  }

  function canGoOnFrom(expectedSeq: number, slice: EventSlice): boolean {
    const oldest = Math.max(spool.segments[0]?.firstSeq ?? 1, spool.shippedAs.afterSeq + 1);
    return expectedSeq < slice.firstSeq && expectedSeq >= oldest;
  }

  async function advance(ackedSeq: number): Promise<void> {
    failures = 0;
    eventsMax = Math.min(eventsMax * 2, USAGE_BATCH_EVENTS_MAX);
    if (quarantinedBatches > 0) spool.disk.remove(asidePath);
    quarantinedBatches = 0;
    if (!stopped()) state = "shipping";
    await spool.acknowledge(ackedSeq);
  }

  async function refuse(reason: string, body: Uint8Array | undefined): Promise<void> {
    if (quarantinedBatches === 0) {
      onFault(new Error(`a usage batch was refused: ${reason}`));
      if (body !== undefined) await replaceFile(spool.disk, asidePath, body).catch(onFault);
    }
    quarantinedBatches = 1;
    if (!stopped()) state = "refused";
    await pause(REFUSED_RETRY_MS);
  }

  /** Never sooner than the server asks. */
  function backoff(retryAfterMs: number | undefined): number {
    failures += 1;
    return Math.max(backoffMs(RETRY, failures, random()), Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS));
  }

  return {
    get state() {
      return state;
    },
    get quarantinedBatches() {
      return quarantinedBatches;
    },
    get streamsBegun() {
      return streamsBegun;
    },
    start() {
      if (loop !== undefined) return;
      state = "shipping";
      loop = keepRunning();
    },
    async flush(timeoutMs) {
      const deadline = clock.monotonicMs() + timeoutMs;
      flushing += 1;
      wakeUp();
      try {
        while (pending() > 0 && !stopped() && clock.monotonicMs() < deadline)
          await sleep(FLUSH_POLL_MS, NEVER);
        return pending() === 0;
      } finally {
        flushing -= 1;
      }
    },
    async stop() {
      if (state !== "fenced") state = "stopped";
      wakeUp();
      await loop;
      loop = undefined;
    },
  };

  /** A fault of the disk while reading ends nothing: shipping goes on when it can be read again. */
  async function keepRunning(): Promise<void> {
    while (!stopped()) {
      try {
        await run();
      } catch (error) {
        onFault(error);
        await pause(backoff(undefined));
      }
    }
  }
}

/** Sums up to the one event of the slice, without it. */
function totalsBefore({ lines, totals }: EventSlice): ReadonlyMap<string, bigint> {
  const sums = createExactSums(new Map(totals));
  subtractUsage(sums, readUsage(lines));
  return sums.read();
}

/** Inside of strings quotes are escaped. */
function isUnsettled(event: Buffer): boolean {
  return event.includes('"status":"unsettled"');
}

/** A reason of our own spares the making of an error with its stack. */
const WOKEN = "woken";
const NO_ANSWER = { kind: "retry", retryAfterMs: undefined } as const;
const LINE_FEED = Buffer.from("\n");
const FLUSH_POLL_MS = 20;
const NEVER = new AbortController().signal;

function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
