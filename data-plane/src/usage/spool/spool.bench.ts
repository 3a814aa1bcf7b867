/**
 * How fast the spool is on this machine's disk. Run: `node src/usage/spool/spool.bench.ts [directory]`.
 * Prints durable open + settle per second with 256 calls in flight and what each costs the processor; the same at a
 * gateway's pace, without and with a reporter whose batches are acknowledged at once; and the cost of one open.
 */
import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { constants, gunzipSync } from "node:zlib";
import { CONTRACT, CONTRACT_VERSION, createIdFactory } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import { createRecorder } from "../recorder.ts";
import type { SendResult } from "../report/batch-answer.ts";
import { createReporter, type SendBatch } from "../report/reporter.ts";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { openSpool } from "./spool.ts";

const IN_FLIGHT = 256;
const CALLS = 100_000;
/** As many as a gateway comes to: shipping keeps up with that. */
const PACED_CALLS = 60_000;
const PACE_MS = 10;
const OPENS = 50_000;

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "headgate-bench-"));
const newId = createIdFactory({ now: () => Date.now(), random: (bytes) => randomFillSync(bytes) });
const spool = await openSpool({
  directory,
  contract: CONTRACT,
  bytesMax: 4 * 1024 ** 3,
  newStreamId: () => newId("stream"),
  restore: () => undefined,
  keepsCounter: () => true,
  onFault: fail,
});
const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
const recorder = createRecorder({ spool, clock, onFull: () => "reject_traffic" });
const template = makeAttempt();
const result = makeResult(1_200, {
  usage: { input_uncached: 900, cache_read: 100, output_text: 200, request: 1 },
  raw_usage: '{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200}',
});
const charges: BudgetCharge[] = [
  { key: "budget:bud_00000000000000000000000000:2026-11:team=a", amount: "1234567" },
];

function fail(error: unknown): never {
  throw error;
}

/** Acknowledges all of the batch, of which no more than the first line is unpacked. */
async function acknowledge(bodyIn: Parameters<SendBatch>[0]): Promise<SendResult> {
  const body = await bodyIn(CONTRACT_VERSION);
  const beginning = gunzipSync(body.subarray(0, 4_096), { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  const header = CONTRACT.usageBatch.read(JSON.parse(beginning.slice(0, beginning.indexOf("\n"))));
  if (!header.ok) throw new Error("a batch without a header");
  return { status: 200, body: JSON.stringify({ acked_seq: header.value.last_seq }) };
}

interface Load {
  readonly callsPerSecond: number;
  readonly cpuUsPerCall: number;
  readonly settleMs: Float64Array;
}

/** One timer for all who wait, so that waiting costs next to nothing. */
function createTicker(intervalMs: number): () => Promise<void> {
  let tick: Promise<void> | undefined;
  return () => {
    tick ??= delay(intervalMs).then(() => {
      tick = undefined;
    });
    return tick;
  };
}

async function runCalls(calls: number, pause?: () => Promise<void>): Promise<Load> {
  const settleMs = new Float64Array(calls);
  let next = 0;
  async function worker(): Promise<void> {
    for (;;) {
      const index = next;
      next += 1;
      if (index >= calls) return;
      // Made one by one, as in a gateway: many that live long would be the collector's work.
      const attempt = { ...template, attempt_id: newId("attempt"), started_at: Date.now() };
      await recorder.open(attempt);
      const started = performance.now();
      await recorder.settle(attempt, result, charges);
      settleMs[index] = performance.now() - started;
      if (pause !== undefined) await pause();
    }
  }
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  const elapsedMs = performance.now() - started;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    callsPerSecond: Math.round((calls / elapsedMs) * 1_000),
    cpuUsPerCall: Number(((cpu.user + cpu.system) / calls).toFixed(2)),
    settleMs: settleMs.sort(),
  };
}

await runCalls(CALLS);
const recording = await runCalls(CALLS);
const bytesPerCall = Math.round(spool.bytes / CALLS / 2);
await spool.acknowledge(spool.headSeq);
const paced = await runCalls(PACED_CALLS, createTicker(PACE_MS));
await spool.acknowledge(spool.headSeq);
const reporter = createReporter({ spool, clock, random: Math.random, onFault: fail, send: acknowledge });
reporter.start();
const shipping = await runCalls(PACED_CALLS, createTicker(PACE_MS));
if (!(await reporter.flush(60_000))) throw new Error("shipping takes for ever");
await reporter.stop();

const fresh = Array.from({ length: OPENS }, () => makeAttempt({ attempt_id: newId("attempt") }));
const openStarted = performance.now();
await Promise.all(fresh.map((attempt) => recorder.open(attempt)));
const openMs = performance.now() - openStarted;

const figures = {
  open_and_settle_per_second: recording.callsPerSecond,
  cpu_us_per_call: recording.cpuUsPerCall,
  paced_calls_per_second: shipping.callsPerSecond,
  paced_cpu_us_per_call: paced.cpuUsPerCall,
  paced_cpu_us_per_call_with_shipping: shipping.cpuUsPerCall,
  settle_p50_ms: Number(recording.settleMs[CALLS >> 1]?.toFixed(3)),
  settle_p99_ms: Number(recording.settleMs[Math.floor(CALLS * 0.99)]?.toFixed(3)),
  open_us: Number(((openMs / OPENS) * 1_000).toFixed(2)),
  bytes_per_call: bytesPerCall,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
await spool.close();
rmSync(directory, { recursive: true, force: true });
