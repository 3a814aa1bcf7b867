/**
 * Whether what must always hold of a tenant's ledger does, at the moment the audit begins: it notes what is kept, then
 * walks the raw batches of that moment a few at a time, so that each step is short, and compares their sums with its
 * notes. What arrives meanwhile is left to the next audit, so that no inflow keeps one from its end. None is expected to
 * find anything; a finding is an incident and is never mended silently.
 */
import type { Contract, Id, UsageEvent } from "@headgate/sdk/contract";
import type { TenantTx } from "../../db/tenant-scope.ts";
import type { Period } from "../../lib/period.ts";
import { type RawBatch, rawBatches } from "../batches/repository.ts";
import { openBatch, sha256Of } from "../ingest/read-usage-batch.ts";
import { readMinutes } from "../minutes/repository.ts";
import {
  createRollUp,
  MINUTE_MS,
  type MinuteCalls,
  type MinuteQuantity,
  minuteKey,
  type RollUp,
  totalsOf,
} from "../minutes/roll-up.ts";
import { breaksInSequence, listStreams } from "./repository.ts";

/**
 * `sequence`: the seqs of a stream run from 1 to its watermark, each in one batch. `batches`: a batch holds what its hash
 * says. `totals`: those of a stream are the sums of its events. `minutes`: they are the sums of all events.
 */
export const INVARIANTS = ["sequence", "batches", "totals", "minutes"] as const;

export interface Violation {
  readonly invariant: (typeof INVARIANTS)[number];
  /** Where: ids, keys and amounts of the rows that do not fit. */
  readonly at: Readonly<Record<string, unknown>>;
}

export interface LedgerAudit {
  /**
   * Walks on, up to the end of the batch with which it has read so many events. Gives what was found once no batch is
   * left to read, and undefined before that. All that `tx` sees must be of one moment.
   */
  advance(tx: TenantTx, events: number): Promise<readonly Violation[] | undefined>;
}

const ALL_TIME: Period = { fromMs: 0, toMs: 2 ** 52 };
/** What is told apart of an audit's sums: enough to say where to look, and few enough to keep at hand. */
const BUCKET_MS = 24 * 60 * MINUTE_MS;

interface Walked {
  readonly id: Id<"stream">;
  nextSeq: number;
  /** Where the audit ends. */
  readonly ackedSeq: number;
  /** Of its events so far, and as kept. */
  readonly totals: Map<string, bigint>;
  readonly stored: Readonly<Record<string, string>>;
}

export function createAudit(contract: Contract): LedgerAudit {
  let kept: Awaited<ReturnType<typeof whatIsKept>> | undefined;
  const folder = createRollUp(BUCKET_MS);
  const unreadable: Violation[] = [];

  async function take(batch: RawBatch, stream: Walked): Promise<void> {
    const events = await eventsIn(batch, contract);
    if (events === undefined)
      unreadable.push({ invariant: "batches", at: { stream_id: batch.streamId, first_seq: batch.firstSeq } });
    for (const event of events ?? []) folder.add(event);
    for (const [dimension, total] of totalsOf(events ?? []))
      stream.totals.set(dimension, (stream.totals.get(dimension) ?? 0n) + total);
    stream.nextSeq = batch.lastSeq + 1;
  }

  return {
    async advance(tx, events) {
      kept ??= await whatIsKept(tx);
      let left = events;
      for (const stream of kept.streams) {
        const { id: streamId, nextSeq, ackedSeq } = stream;
        if (nextSeq > ackedSeq) continue;
        const range = { from: { streamId, firstSeq: nextSeq }, to: { streamId, firstSeq: ackedSeq } };
        for await (const batch of rawBatches(tx, range)) {
          if (left <= 0) return undefined;
          left -= batch.lastSeq - batch.firstSeq + 1;
          await take(batch, stream);
        }
      }
      const totals = kept.streams.flatMap(differingTotals);
      return [...kept.breaks, ...unreadable, ...totals, ...differingMinutes(folder.result(), kept.minutes)];
    },
  };
}

async function whatIsKept(tx: TenantTx) {
  const streams = (await listStreams(tx)).map((row): Walked => ({ ...row, nextSeq: 1, totals: new Map() }));
  const breaks = (await breaksInSequence(tx)).map((at): Violation => ({ invariant: "sequence", at }));
  return { streams, breaks, minutes: await readMinutes(tx, ALL_TIME, BUCKET_MS) };
}

/** Undefined for a batch that is not what it was when it was taken in. */
async function eventsIn({ packed, sha256 }: RawBatch, contract: Contract): Promise<UsageEvent[] | undefined> {
  try {
    const lines = await openBatch(packed, contract);
    if (sha256Of(lines.map(({ bytes }) => bytes)) !== sha256) return undefined;
    return lines.map((line) => line.event());
  } catch {
    return undefined;
  }
}

function differingTotals({ id, totals, stored }: Walked): Violation[] {
  return [...new Set([...totals.keys(), ...Object.keys(stored)])].flatMap((dimension): Violation[] => {
    const at = { raw: `${totals.get(dimension) ?? 0n}`, stored: stored[dimension] ?? "0" };
    return at.raw === at.stored ? [] : [{ invariant: "totals", at: { stream_id: id, dimension, ...at } }];
  });
}

function differingMinutes(raw: RollUp, stored: RollUp): Violation[] {
  const [wanted, found] = [valuesByKey(raw), valuesByKey(stored)];
  return [...new Set([...wanted.keys(), ...found.keys()])].flatMap((key): Violation[] => {
    const at = { key, raw: wanted.get(key) ?? "absent", stored: found.get(key) ?? "absent" };
    return at.raw === at.stored ? [] : [{ invariant: "minutes", at }];
  });
}

function valuesByKey({ quantities, calls }: RollUp): Map<string, string> {
  return new Map([...quantities, ...calls].map((row) => [minuteKey(row), valueText(row)]));
}

function valueText(row: MinuteQuantity | MinuteCalls): string {
  return "quantity" in row
    ? row.quantity.toString()
    : [row.calls, row.attempts, row.unsettled, row.estimated].join(" ");
}
