import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { UsageBatchHeader, UsageEvent } from "../contract/usage-batch.ts";
import { CONTRACT } from "../contract/versions/contract.ts";
import { makeId, TEST_EPOCH_MS } from "./make-id.ts";
import { makeUsageEvent } from "./make-usage-event.ts";

export interface UsageBatch {
  header: UsageBatchHeader;
  events: UsageEvent[];
  /** The event lines as they are sent, each with its line feed; `header.sha256` is theirs. */
  lines: string;
}

export interface UsageBatchOptions {
  /** Numbered anew from `firstSeq`; three plain events when absent. */
  events?: readonly UsageEvent[];
  /** 1 when absent. */
  firstSeq?: number;
  /** What the stream had counted before this batch, as whole numbers in text. */
  totalsBefore?: Readonly<Record<string, string>>;
  /** Put over the computed header last, so that a test can make one member wrong. */
  header?: Partial<UsageBatchHeader>;
}

/** A batch whose header fits its events: range, count, checksum and running totals. */
export function makeUsageBatch(options: UsageBatchOptions = {}): UsageBatch {
  const firstSeq = options.firstSeq ?? 1;
  const given = options.events ?? [makeUsageEvent(), makeUsageEvent(), makeUsageEvent()];
  const events = given.map((event, index) => ({ ...event, seq: firstSeq + index }));
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join("");
  const header: UsageBatchHeader = {
    stream_id: makeId("stream"),
    writer_epoch: 1,
    first_seq: firstSeq,
    last_seq: firstSeq + events.length - 1,
    count: events.length,
    sha256: createHash("sha256").update(lines).digest("hex"),
    totals: addUp(events, options.totalsBefore ?? {}),
    sent_at: TEST_EPOCH_MS,
    ...options.header,
  };
  return { header, events, lines };
}

/** The bytes of a batch on the wire: gzip over the header line and the event lines. */
export function encodeUsageBatch(batch: UsageBatch): Uint8Array {
  const header = CONTRACT.usageBatch.write(batch.header, CONTRACT.version);
  return gzipSync(`${JSON.stringify(header)}\n${batch.lines}`);
}

function addUp(
  events: readonly UsageEvent[],
  before: Readonly<Record<string, string>>,
): Record<string, string> {
  const totals = new Map(Object.entries(before).map(([name, text]) => [name, BigInt(text)]));
  for (const event of events) {
    for (const [name, quantity] of Object.entries(event.usage)) {
      totals.set(name, (totals.get(name) ?? 0n) + BigInt(quantity));
    }
  }
  return Object.fromEntries([...totals].map(([name, total]) => [name, total.toString()]));
}
