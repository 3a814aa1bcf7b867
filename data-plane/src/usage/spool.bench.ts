/**
 * How fast the spool is on this machine's disk. Run: `node src/usage/spool.bench.ts [directory]`.
 * Prints durable open + settle per second with 256 calls in flight, what a call costs the processor without and with
 * a reporter whose batches are acknowledged at once, and the cost of one open.
 */
import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIdFactory } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../limits/admission.ts";
import { createRecorder } from "./recorder.ts";
import { openSpool } from "./spool.ts";
import { makeAttempt, makeResult } from "./testing/attempts.ts";

const IN_FLIGHT = 256;
const CALLS = 200_000;
const OPENS = 50_000;

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "headgate-bench-"));
const newId = createIdFactory({ now: () => Date.now(), random: (bytes) => randomFillSync(bytes) });
const spool = await openSpool({
  directory,
  bytesMax: 4 * 1024 ** 3,
  newStreamId: () => newId("stream"),
  restore: () => undefined,
  keepsCounter: () => true,
  onFault: fail,
});
const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
const recorder = createRecorder({ spool, clock, onFull: () => "reject_traffic" });
const result = makeResult(1_200, {
  usage: { input_uncached: 900, cache_read: 100, output_text: 200, request: 1 },
  raw_usage: '{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200}',
});
const charges: BudgetCharge[] = [
  { key: "budget:bud_00000000000000000000000000:2026-11:team=a", amount: "1234567" },
];

interface Load {
  readonly callsPerSecond: number;
  readonly cpuUsPerCall: number;
  readonly settleMs: Float64Array;
}

async function runCalls(): Promise<Load> {
  const attempts = Array.from({ length: CALLS }, () => makeAttempt({ attempt_id: newId("attempt") }));
  const settleMs = new Float64Array(CALLS);
  let next = 0;
  async function worker(): Promise<void> {
    for (;;) {
      const index = next;
      next += 1;
      const attempt = attempts[index];
      if (attempt === undefined) return;
      await recorder.open(attempt);
      const started = performance.now();
      await recorder.settle(attempt, result, charges);
      settleMs[index] = performance.now() - started;
    }
  }
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  const elapsedMs = performance.now() - started;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    callsPerSecond: Math.round((CALLS / elapsedMs) * 1_000),
    cpuUsPerCall: Number(((cpu.user + cpu.system) / CALLS).toFixed(2)),
    settleMs: settleMs.sort(),
  };
}

await runCalls();
const recording = await runCalls();
await spool.acknowledge(spool.headSeq);
const reporter = createReporter({
  spool,
  clock,
  random: Math.random,
  onFault: fail,
  send: async () => ({ status: 200, body: JSON.stringify({ acked_seq: spool.headSeq }) }),
});
const fresh = Array.from({ length: OPENS }, () => makeAttempt({ attempt_id: newId("attempt") }));
const openStarted = performance.now();
await Promise.all(fresh.map((attempt) => recorder.open(attempt)));
const openMs = performance.now() - openStarted;

const figures = {
  open_and_settle_per_second: Math.round((CALLS / elapsedMs) * 1_000),
  cpu_us_per_call: Number(((cpu.user + cpu.system) / CALLS).toFixed(2)),
  settle_p50_ms: Number(waits[CALLS >> 1]?.toFixed(3)),
  settle_p99_ms: Number(waits[Math.floor(CALLS * 0.99)]?.toFixed(3)),
  open_us: Number(((openMs / OPENS) * 1_000).toFixed(2)),
  bytes_per_call: Math.round(spool.bytes / (CALLS + OPENS / 2)),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
await spool.close();
rmSync(directory, { recursive: true, force: true });
