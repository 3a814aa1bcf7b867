/**
 * Ships the spool to the control plane: one batch in flight, always the next events in order, for ever. Events come
 * from memory as long as shipping keeps up, and else from disk, a batch at a time, whatever the backlog. A batch that is refused stops the stream, since what comes after it would
 * leave a hole: it is written aside for someone to look at, and tried again every minute.
 */
import { join } from "node:path";
import { backoffMs } from "@headgate/sdk/backoff";
import { USAGE_BATCH_EVENTS_MAX } from "@headgate/sdk/contract";
import type { Clock } from "../../lib/clock.ts";
import { replaceFile } from "../../storage/disk.ts";
import { createEventReader } from "../spool/event-reader.ts";
import type { EventSlice } from "../spool/event-slice.ts";
import type { Spool } from "../spool/spool.ts";
import { createBatchEncoder } from "./batch.ts";
import { judgeAnswer, type SendResult } from "./batch-answer.ts";

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
      const slice = spool.recent.take(next) ?? reader.read(next);
      if (slice === undefined) {
        await refuse("events are no longer in the spool", undefined);
        continue;
      }
      spool.noteOldestUnacked(slice.oldestStartedAt);
      await shipUntilAnswered(slice);
    }
  }

  /** Sends one slice until its fate is known. */
  async function shipUntilAnswered(slice: EventSlice): Promise<void> {
    while (!stopped()) {
      let body: Uint8Array | undefined;
      const bodyIn = async (version: number): Promise<Uint8Array> => {
        try {
          body = await encodeBatch(slice, clock.wallMs(), version);
          return body;
        } catch (error) {
          onFault(error);
          throw error;
        }
      };
      const verdict = await send(bodyIn).then(
        (result) => judgeAnswer(result, spool.contract),
        () => NO_ANSWER,
      );
      if (verdict.kind === "acked" && verdict.ackedSeq >= slice.lastSeq && verdict.ackedSeq <= spool.headSeq)
        return advance(verdict.ackedSeq);
      if (verdict.kind === "gap" && canGoOnFrom(verdict.expectedSeq, slice))
        return advance(verdict.expectedSeq - 1);
      if (verdict.kind === "fenced") {
        state = "fenced";
        onFault(new Error("the control plane has fenced this writer off"));
        return;
      }
      if (verdict.kind === "retry") {
        if (state !== "stopped") state = "retrying";
        await pause(backoff(verdict.retryAfterMs));
        continue;
      }
      const reason = verdict.kind === "refused" ? verdict.reason : "the ledger knows another history";
      await refuse(reason, body);
    }
  }

  function canGoOnFrom(expectedSeq: number, slice: EventSlice): boolean {
    const oldest = spool.segments[0]?.firstSeq ?? 1;
    return expectedSeq !== slice.firstSeq && expectedSeq >= oldest && expectedSeq <= spool.headSeq + 1;
  }

  async function advance(ackedSeq: number): Promise<void> {
    failures = 0;
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

/** A reason of our own spares the making of an error with its stack. */
const WOKEN = "woken";
const NO_ANSWER = { kind: "retry", retryAfterMs: undefined } as const;
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
