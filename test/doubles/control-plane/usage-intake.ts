import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { Contract, HeartbeatAnswer, Id, UsageEvent } from "@headgate/sdk/contract";
import { Refusal } from "./refusal.ts";

/** Batches must continue their stream; what was acknowledged before is acknowledged again and not kept twice. */
export function createUsageIntake(keeps: boolean) {
  const events: UsageEvent[] = [];
  const streams = new Map<Id<"stream">, { ackedSeq: number; writerEpoch: number }>();
  const spent = new Map<Id<"stream">, Map<string, bigint>>();
  const charge = (streamId: Id<"stream">, { charges = [] }: UsageEvent): void => {
    const sums = spent.get(streamId) ?? new Map<string, bigint>();
    spent.set(streamId, sums);
    for (const { key, amount } of charges) sums.set(key, (sums.get(key) ?? 0n) + BigInt(amount));
  };
  return {
    events,
    /** All of it in one answer. */
    spentBeside(own: Id<"stream">): HeartbeatAnswer["budgets"] {
      const sums = new Map<string, bigint>();
      for (const [streamId, theirs] of spent) {
        if (streamId === own) continue;
        for (const [key, amount] of theirs) sums.set(key, (sums.get(key) ?? 0n) + amount);
      }
      const told = [...sums].map(([key, amount]) => ({ key, amount: amount.toString() }));
      return { version: 1, more: false, spent: told };
    },
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
        const fresh = known.filter(({ seq }) => seq > stream.ackedSeq);
        events.push(...fresh);
        for (const event of fresh) charge(header.stream_id, event);
      }
      stream.ackedSeq = Math.max(stream.ackedSeq, header.last_seq);
      return contract.usageAck.write({ acked_seq: stream.ackedSeq }, version);
    },
  };
}
