/**
 * Headgate beside what it is measured against, in one run on one machine: the mock provider alone, two bare proxies,
 * and Portkey's gateway. The server under test has one core, the load and the mock have the other; contenders take
 * turns in every round, so that a noisy moment hits them all alike.
 *
 * Options: `--only headgate,passthrough` (direct always takes part), `--quick` (short, not written to last.json),
 * `--before DIR` (another checkout that has been built takes part as `before`: the same load, in the same run).
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { loadTool, measureThroughput, type Throughput } from "./closed-loop.ts";
import { CONTENDER_NAMES, type ContenderName, startContender } from "./contenders.ts";
import { describeMachine, pinSelfToLoadCore } from "./machine.ts";
import { startMockUpstream, streamShape } from "./mock-upstream.ts";
import { type Latencies, measureLatency } from "./open-loop.ts";
import {
  type Figures,
  goalsOf,
  printable,
  type Report,
  ratiosOf,
  rounded,
  withAddedTimes,
} from "./report.ts";
import { median, quantile } from "./statistics.ts";
import { measureChunks, measureStreamMemory } from "./streams.ts";
import type { RunningContender, Target } from "./target.ts";

interface Plan {
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly throughputSeconds: number;
  readonly latencySeconds: number;
  readonly firstTokenSeconds: number;
  readonly chunkSeconds: number;
}

const FULL: Plan = {
  rounds: 3,
  warmUpSeconds: 8,
  throughputSeconds: 5,
  latencySeconds: 5,
  firstTokenSeconds: 4,
  chunkSeconds: 4,
};
const QUICK: Plan = {
  rounds: 1,
  warmUpSeconds: 2,
  throughputSeconds: 3,
  latencySeconds: 3,
  firstTokenSeconds: 2,
  chunkSeconds: 2,
};
const LATENCY_PER_SECOND = 500;
const STREAMS_PER_SECOND = 100;
const LAST = new URL("../../bench/last.json", import.meta.url);

/** What has been measured of one contender so far. */
interface Entrant {
  readonly name: ContenderName;
  readonly running: RunningContender;
  readonly throughput: Throughput[];
  readonly latency: Latencies[];
  readonly firstToken: Latencies[];
  chunksPerCpuSecond: number | undefined;
  streamBytes: number | undefined;
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    before: { type: "string" },
  },
});
const only = values.only?.split(",");
const unknown = only?.filter((name) => !CONTENDER_NAMES.some((known) => known === name)) ?? [];
if (unknown.length > 0) {
  console.error(`unknown contender "${unknown.join(", ")}"; known: ${CONTENDER_NAMES.join(", ")}`);
  process.exit(2);
}
const names = CONTENDER_NAMES.filter((name) => {
  if (name === "before") return values.before !== undefined;
  return name === "direct" || (only?.includes(name) ?? true);
});
const report = await runBench(names, values.quick ? QUICK : FULL);
console.log(`\n${printable(report)}`);
if (!values.quick && only === undefined && values.before === undefined)
  await writeFile(LAST, `${JSON.stringify(report, null, 2)}\n`);
process.exit(0);

async function runBench(contenders: readonly ContenderName[], plan: Plan): Promise<Report> {
  const machine = describeMachine();
  if (machine.pinned) pinSelfToLoadCore();
  await using upstream = await startMockUpstream();
  const skipped: Partial<Record<ContenderName, string>> = {};
  let entrants: Entrant[] = [];

  /** Runs one measurement on each contender in turn; one that fails takes no further part, and nothing of it is reported. */
  const eachInTurn = async (what: string, measure: (entrant: Entrant, target: Target) => Promise<void>) => {
    say(what);
    for (const entrant of [...entrants]) {
      try {
        await measure(entrant, entrant.running.target);
      } catch (error) {
        skipped[entrant.name] = `${what}: ${error instanceof Error ? error.message : String(error)}`;
        entrants = entrants.filter((other) => other !== entrant);
        await entrant.running[Symbol.asyncDispose]();
      }
    }
  };

  for (const name of contenders) {
    say(`starting ${name}`);
    try {
      const running = await startContender(name, { upstream, before: values.before });
      entrants.push({
        name,
        running,
        throughput: [],
        latency: [],
        firstToken: [],
        chunksPerCpuSecond: undefined,
        streamBytes: undefined,
      });
    } catch (error) {
      skipped[name] = error instanceof Error ? error.message : String(error);
    }
  }
  await eachInTurn("memory of 1,000 open streams", async (entrant, target) => {
    entrant.streamBytes = await measureStreamMemory(target);
  });
  await eachInTurn("warm-up", async (_entrant, target) => {
    await measureThroughput(target, plan.warmUpSeconds);
  });
  for (let round = 1; round <= plan.rounds; round += 1) {
    await eachInTurn(`requests/s, round ${round}`, async (entrant, target) => {
      entrant.throughput.push(await measureThroughput(target, plan.throughputSeconds));
    });
    await eachInTurn(`latency at ${LATENCY_PER_SECOND}/s, round ${round}`, async (entrant, target) => {
      entrant.latency.push(
        await measureLatency(target, {
          perSecond: LATENCY_PER_SECOND,
          seconds: plan.latencySeconds,
        }),
      );
    });
    await eachInTurn(`time to first token, round ${round}`, async (entrant, target) => {
      const stream = streamShape(10, 5);
      entrant.firstToken.push(
        await measureLatency(target, {
          perSecond: STREAMS_PER_SECOND,
          seconds: plan.firstTokenSeconds,
          stream,
        }),
      );
    });
  }
  await eachInTurn("chunks/s", async (entrant, target) => {
    const cost = await measureChunks(target, {
      streams: 200,
      gapMs: 20,
      seconds: plan.chunkSeconds,
    });
    entrant.chunksPerCpuSecond = cost.chunksPerCpuSecond;
  });

  for (const entrant of entrants) await entrant.running[Symbol.asyncDispose]();
  const results = withAddedTimes(
    Object.fromEntries(entrants.map((entrant) => [entrant.name, figuresOf(entrant)])),
  );
  const ratios = ratiosOf(results, "requests_per_second");
  return {
    at: new Date().toISOString(),
    machine,
    tool: loadTool(),
    results,
    skipped,
    ratios,
    cpu_ratios: ratiosOf(results, "requests_per_cpu_second"),
    goals: goalsOf(results, ratios),
  };
}

/** The median of the rounds in each figure. */
function figuresOf(entrant: Entrant): Figures {
  const latency = (q: number) => median(entrant.latency.map(({ endMs }) => quantile(endMs, q)));
  const firstToken = (q: number) =>
    median(entrant.firstToken.map(({ firstByteMs }) => quantile(firstByteMs, q)));
  const perCpuSecond = entrant.throughput.flatMap(({ requestsPerCpuSecond }) => requestsPerCpuSecond ?? []);
  return {
    requests_per_second: figure(median(entrant.throughput.map((round) => round.requestsPerSecond)), 0),
    requests_per_cpu_second: figure(median(perCpuSecond), 0),
    p50_ms: figure(latency(0.5), 4),
    p99_ms: figure(latency(0.99), 4),
    added_p50_ms: null,
    added_p99_ms: null,
    added_ttft_p50_ms: null,
    added_ttft_p99_ms: null,
    ttft_p50_ms: figure(firstToken(0.5), 4),
    ttft_p99_ms: figure(firstToken(0.99), 4),
    chunks_per_cpu_second: figure(entrant.chunksPerCpuSecond, 0),
    bytes_per_1000_streams: figure(entrant.streamBytes, 0),
  };
}

function figure(value: number | undefined, places: number): number | null {
  return value === undefined || Number.isNaN(value) ? null : rounded(value, places);
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
