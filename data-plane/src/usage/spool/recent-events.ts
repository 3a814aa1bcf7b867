/**
 * The newest events, in memory, so that they can be shipped without being read back from disk. They are the very bytes
 * that are in the files. What is held is bounded: when shipping falls behind, all of it is let go, and whoever ships
 * reads the files until it has come to what is held by then.
 */
import { USAGE_BATCH_EVENTS_MAX } from "@headgate/sdk/contract";
import type { GroupedEvent } from "./event-group.ts";
import { type EventSlice, SLICE_BYTES_MAX } from "./event-slice.ts";
import { createExactSums } from "./exact-sums.ts";
import { addUsage } from "./totals.ts";

export const RECENT_EVENTS_MAX = 1_000;
export const RECENT_BYTES_MAX = 1024 * 1024;

export interface RecentEvents {
  readonly count: number;
  readonly bytes: number;
  /** Events must be added in order, each once it is on disk. `from`: where their JSON stands. */
  add(events: readonly GroupedEvent[], from: Buffer): void;
  /**
   * Takes out as many events from `fromSeq` on as fit one batch, and lets go of those before. Undefined where
   * `fromSeq` is not held. The lines stand in memory that is used again: they are good until the next call.
   */
  take(fromSeq: number): EventSlice | undefined;
}

/** `version`: of the contract, in whose form events are. `totals`: sums over all events before the first that is added. */
export function createRecentEvents(version: number, totals: ReadonlyMap<string, bigint>): RecentEvents {
  const memory = Buffer.allocUnsafeSlow(RECENT_BYTES_MAX);
  let taken = Buffer.allocUnsafeSlow(SLICE_BYTES_MAX);
  /** Over all events before the first that is held. */
  const sums = createExactSums(new Map(totals));
  let held: GroupedEvent[] = [];
  /** Where the lines of what is held stand in memory. */
  let [start, end] = [0, 0];

  function add(events: readonly GroupedEvent[], from: Buffer): void {
    const size = events.reduce((sum, event) => sum + lineBytes(event), 0);
    if (held.length + events.length > RECENT_EVENTS_MAX || end - start + size > RECENT_BYTES_MAX) {
      release(held.length);
      if (events.length > RECENT_EVENTS_MAX || size > RECENT_BYTES_MAX) {
        for (const { usage } of events) addUsage(sums, usage);
        return;
      }
    }
    if (end + size > RECENT_BYTES_MAX) {
      memory.copyWithin(0, start, end);
      [start, end] = [0, end - start];
    }
    for (const event of events) {
      end += from.copy(memory, end, event.from, event.to);
      memory[end] = LINE_FEED;
      end += 1;
      held.push(event);
    }
  }

  /** Lets go of the oldest; answers when the earliest of them began. */
  function release(count: number): number {
    let oldestStartedAt = Number.MAX_SAFE_INTEGER;
    for (const event of held.slice(0, count)) {
      addUsage(sums, event.usage);
      start += lineBytes(event);
      oldestStartedAt = Math.min(oldestStartedAt, event.startedAt);
    }
    held = held.slice(count);
    return oldestStartedAt;
  }

  return {
    get count() {
      return held.length;
    },
    get bytes() {
      return end - start;
    },
    add,
    take(fromSeq) {
      const first = held[0]?.seq ?? Number.POSITIVE_INFINITY;
      if (fromSeq < first) return undefined;
      release(fromSeq - first);
      const count = countThatFits(held);
      if (count === 0) return undefined;
      const from = start;
      const oldestStartedAt = release(count);
      const bytes = start - from;
      if (bytes > taken.length) taken = Buffer.allocUnsafeSlow(bytes);
      memory.copy(taken, 0, from, start);
      return {
        version,
        firstSeq: fromSeq,
        lastSeq: fromSeq + count - 1,
        lines: taken.subarray(0, bytes),
        totals: new Map(sums.read()),
        oldestStartedAt,
      };
    },
  };
}

const LINE_FEED = 10;

function lineBytes({ from, to }: GroupedEvent): number {
  return to - from + 1;
}

function countThatFits(events: readonly GroupedEvent[]): number {
  let count = 0;
  let bytes = 0;
  for (const event of events) {
    bytes += lineBytes(event);
    if (count === USAGE_BATCH_EVENTS_MAX || (count > 0 && bytes > SLICE_BYTES_MAX)) break;
    count += 1;
  }
  return count;
}
