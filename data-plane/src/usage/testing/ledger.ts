/** The control plane's side, as the contract has it: for each stream a watermark, and running totals that must add up. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { CONTRACT, type UsageEvent } from "@headgate/sdk/contract";
import type { SendResult } from "../report/batch-answer.ts";
import { createExactSums } from "../spool/exact-sums.ts";
import { addUsage, totalsFromWire } from "../spool/totals.ts";

interface Stream {
  watermark: number;
  writerEpoch: number;
  totals: Map<string, bigint>;
  readonly lines: Map<number, string>;
}

/** `takes`: false for events that it refuses, whatever the contract says. */
export function createLedger(takes: (event: UsageEvent) => boolean = () => true) {
  const streams = new Map<string, Stream>();
  const ledger = {
    batches: 0,
    refusals: 0,
    /** All that was taken, in the order of its coming. */
    events: [] as UsageEvent[],
    streams,
    /** Of the stream that came first. */
    get watermark() {
      return streams.values().next().value?.watermark ?? 0;
    },
    get tokens() {
      return ledger.events.reduce((sum, { usage }) => sum + BigInt(usage["input_uncached"] ?? 0), 0n);
    },
    apply(body: Uint8Array): SendResult {
      const answer = judge(body);
      if (answer.status === 422) ledger.refusals += 1;
      return answer;
    },
  };

  function judge(body: Uint8Array): SendResult {
    const text = gunzipSync(body).toString("utf8");
    const lineEnd = text.indexOf("\n") + 1;
    const reading = CONTRACT.usageBatch.read(JSON.parse(text.slice(0, lineEnd)));
    if (!reading.ok) return INVALID;
    const { value: header, version } = reading;
    const body_ = text.slice(lineEnd);
    if (createHash("sha256").update(body_).digest("hex") !== header.sha256) return INVALID;
    const lines = body_.trimEnd().split("\n");
    const events: UsageEvent[] = [];
    for (const line of lines) {
      const event = CONTRACT.usageEvent.read(JSON.parse(line), version);
      if (!event.ok || !takes(event.value)) return INVALID;
      events.push(event.value);
    }
    if (events.length !== header.count || events[0]?.seq !== header.first_seq) return INVALID;
    const stream = streams.get(header.stream_id) ?? {
      watermark: 0,
      writerEpoch: 0,
      totals: new Map(),
      lines: new Map(),
    };
    if (header.writer_epoch < stream.writerEpoch) return refused(409, "usage.fenced");
    if (header.last_seq <= stream.watermark) {
      const same = lines.every((line, index) => stream.lines.get(header.first_seq + index) === line);
      if (!same) return refused(409, "usage.history_changed");
      stream.writerEpoch = header.writer_epoch;
      return acked(stream.watermark);
    }
    if (header.first_seq !== stream.watermark + 1) {
      const gap = { code: "usage.gap", expected_seq: stream.watermark + 1 };
      return { status: 409, body: JSON.stringify(gap) };
    }
    const sums = createExactSums(new Map(stream.totals));
    for (const { usage } of events) addUsage(sums, usage);
    const told = totalsFromWire(header.totals);
    const totals = new Map(sums.read());
    if ([...totals, ...told].some(([name]) => (totals.get(name) ?? 0n) !== (told.get(name) ?? 0n)))
      return INVALID;
    for (const [index, line] of lines.entries()) stream.lines.set(header.first_seq + index, line);
    streams.set(header.stream_id, {
      ...stream,
      totals,
      watermark: header.last_seq,
      writerEpoch: header.writer_epoch,
    });
    ledger.events.push(...events);
    ledger.batches += 1;
    return acked(header.last_seq);
  }

  return ledger;
}

export type Ledger = ReturnType<typeof createLedger>;

export const acked = (seq: number): SendResult => ({ status: 200, body: JSON.stringify({ acked_seq: seq }) });
export const refused = (status: number, code: string): SendResult => ({
  status,
  body: JSON.stringify({ error: { code, message: "no" } }),
});
const INVALID = refused(422, "usage.invalid_batch");
