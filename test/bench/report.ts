/** What a run of the benchmark says: figures of each contender, ratios between them, and the goals. */
import type { ContenderName } from "./contenders.ts";
import type { Machine } from "./machine.ts";

/** Figures of one contender; null where one could not be measured. Times are milliseconds. */
export interface Figures {
  requests_per_second: number | null;
  requests_per_cpu_second: number | null;
  p50_ms: number | null;
  p99_ms: number | null;
  added_p50_ms: number | null;
  added_p99_ms: number | null;
  added_ttft_p50_ms: number | null;
  added_ttft_p99_ms: number | null;
  ttft_p50_ms: number | null;
  ttft_p99_ms: number | null;
  chunks_per_cpu_second: number | null;
  bytes_per_1000_streams: number | null;
}

export type Results = Partial<Record<ContenderName, Figures>>;

export interface Goal {
  readonly name: string;
  readonly goal: string;
  readonly value: number | null;
  readonly met: boolean;
}

export interface Report {
  readonly at: string;
  readonly machine: Machine;
  readonly tool: string;
  readonly results: Results;
  /** Contenders that could not take part, and why. */
  readonly skipped: Partial<Record<ContenderName, string>>;
  /** Of requests/s. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Of requests for a second of processor time: the same comparison where other programs share the cores. */
  readonly cpu_ratios: Readonly<Record<string, number>>;
  readonly goals: readonly Goal[];
}

/** Subtracts what the load, the mock and the loopback take by themselves. */
export function withAddedTimes(results: Results): Results {
  const direct = results.direct;
  if (direct === undefined) return results;
  for (const [name, figures] of Object.entries(results)) {
    if (name === "direct") continue;
    figures.added_p50_ms = difference(figures.p50_ms, direct.p50_ms);
    figures.added_p99_ms = difference(figures.p99_ms, direct.p99_ms);
    figures.added_ttft_p50_ms = difference(figures.ttft_p50_ms, direct.ttft_p50_ms);
    figures.added_ttft_p99_ms = difference(figures.ttft_p99_ms, direct.ttft_p99_ms);
  }
  return results;
}

export function ratiosOf(
  results: Results,
  of: "requests_per_second" | "requests_per_cpu_second",
): Record<string, number> {
  const pairs: readonly [ContenderName, ContenderName][] = [
    ["headgate", "passthrough"],
    ["headgate", "fastify"],
    ["headgate", "portkey"],
    ["headgate", "before"],
    ["before", "passthrough"],
    ["passthrough", "fastify"],
  ];
  const ratios: Record<string, number> = {};
  for (const [above, below] of pairs) {
    const numerator = results[above]?.[of];
    const denominator = results[below]?.[of];
    if (typeof numerator === "number" && typeof denominator === "number")
      ratios[`${above}/${below}`] = rounded(numerator / denominator, 3);
  }
  return ratios;
}

export function goalsOf(results: Results, ratios: Readonly<Record<string, number>>): Goal[] {
  const atLeast = (name: string, least: number): Goal => {
    const value = ratios[name] ?? null;
    return {
      name,
      goal: `>= ${least}`,
      value,
      met: value !== null && value >= least,
    };
  };
  const below = (name: string, most: number, value: number | null | undefined): Goal => ({
    name,
    goal: `< ${most} ms`,
    value: value ?? null,
    met: typeof value === "number" && value < most,
  });
  return [
    atLeast("headgate/passthrough", 0.6),
    atLeast("headgate/portkey", 5),
    below("added p99 at 500/s", 1, results.headgate?.added_p99_ms),
    below("added time to first token p50", 0.5, results.headgate?.added_ttft_p50_ms),
  ];
}

/** The report as text for a terminal. */
export function printable(report: Report): string {
  const rows = Object.entries(report.results).map(([name, figures]) => [
    name,
    ...COLUMNS.map(([, read, places]) => shown(read(figures), places)),
  ]);
  const { machine } = report;
  const pinned = machine.pinned
    ? "server alone on one core, load and upstream on another"
    : "not pinned to cores: taskset or a second core is missing, so figures disturb each other";
  return [
    `${machine.model}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.system}, Node ${machine.node}`,
    `${pinned}; requests/s by ${report.tool}`,
    "",
    table([["", ...COLUMNS.map(([title]) => title)], ...rows]),
    ...Object.entries(report.skipped).map(([name, reason]) => `${name} left out: ${reason}`),
    "",
    ...Object.entries(report.ratios).map(
      ([name, ratio]) =>
        `${name} = ${ratio.toFixed(2)} (by processor time ${shown(report.cpu_ratios[name] ?? null, 2)})`,
    ),
    "",
    ...report.goals.map(
      ({ name, goal, value, met }) =>
        `${value === null ? "-     " : met ? "met   " : "MISSED"}  ${name} ${goal}: ${value === null ? "not measured" : value.toFixed(2)}`,
    ),
  ].join("\n");
}

type Column = readonly [title: string, read: (figures: Figures) => number | null, places: number];
const COLUMNS: readonly Column[] = [
  ["requests/s", (figures) => figures.requests_per_second, 0],
  ["req/CPU s", (figures) => figures.requests_per_cpu_second, 0],
  ["+p50 ms", (figures) => figures.added_p50_ms, 2],
  ["+p99 ms", (figures) => figures.added_p99_ms, 2],
  ["+ttft p50", (figures) => figures.added_ttft_p50_ms, 2],
  ["+ttft p99", (figures) => figures.added_ttft_p99_ms, 2],
  ["chunks/core s", (figures) => figures.chunks_per_cpu_second, 0],
  ["MiB/1000 str", (figures) => mebibytes(figures.bytes_per_1000_streams), 1],
];

function mebibytes(bytes: number | null): number | null {
  return bytes === null ? null : bytes / 2 ** 20;
}

function shown(value: number | null, places: number): string {
  return value === null ? "-" : value.toFixed(places);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

function difference(value: number | null, base: number | null): number | null {
  return value === null || base === null ? null : rounded(value - base, 4);
}

export function rounded(value: number, places: number): number {
  return Number(value.toFixed(places));
}
