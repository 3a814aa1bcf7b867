import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { Contract, Id, UsageEvent } from "@headgate/sdk/contract";
import { Refusal } from "./refusal.ts";

/** Batches must continue their stream; what was acknowledged before is acknowledged again and not kept twice. */
export function createUsageIntake(keeps: boolean) {
  const events: UsageEvent[] = [];
  const streams = new Map<Id<"stream">, { ackedSeq: number; writerEpoch: number }>();
  return {
    events,
    take(body: Buffer, { contract, version }: { contract: Contract; version: number }): object {
      const text = gunzipSync(body).toString();
      const headerEnd = text.indexOf("\n");
      const reading = contract.usageBatch.read(JSON.parse(text.slice(0, headerEnd)));
      if (!reading.ok) throw new Refusal("usage.invalid_batch");
      const header = reading.value;
      const stream = streams.get(header.stream_id) ?? { ackedSeq: 0, writerEpoch: 0 };
      if (header.writer_epoch < stream.writerEpoch) throw new Refusal("usage.fenced");
      stream.writerEpoch = header.writer_epoch;
      streams.set(header.stream_id, stream);
      if (header.first_seq > stream.ackedSeq + 1)
        throw new Refusal(
          "usage.gap",
          contract.usageGap.write({ code: "usage.gap", expected_seq: stream.ackedSeq + 1 }, version),
        );
      if (keeps) {
        const lines = text.slice(headerEnd + 1);
        if (createHash("sha256").update(lines).digest("hex") !== header.sha256)
          throw new Refusal("usage.invalid_batch");
        const all = lines.trimEnd().split("\n");
        const read = all.map((line) => contract.usageEvent.read(JSON.parse(line), reading.version));
        const known = read.filter((event) => event.ok).map(({ value }) => value);
        if (known.length < read.length) throw new Refusal("usage.invalid_batch");
        events.push(...known.filter(({ seq }) => seq > stream.ackedSeq));
      }
      stream.ackedSeq = Math.max(stream.ackedSeq, header.last_seq);
      return contract.usageAck.write({ acked_seq: stream.ackedSeq }, version);
    },
  };
}
