/** The machine under the benchmark: its cores, and what a process has used of them. Figures come from Linux' /proc. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";

export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly memory_gib: number;
  readonly system: string;
  readonly node: string;
  /** True when the server under test has one core to itself. */
  readonly pinned: boolean;
}

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

export function describeMachine(): Machine {
  const all = cpus();
  return {
    cores: all.length,
    model: all[0]?.model.trim() ?? "unknown",
    memory_gib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    pinned: canPin(),
  };
}

/** Whether processes can be tied to one core each: `taskset` is there, and there are two cores. */
export function canPin(): boolean {
  return cpus().length >= 2 && spawnSync("taskset", ["--version"]).status === 0;
}

/** Moves this process, with all its threads, to the core that makes the load. */
export function pinSelfToLoadCore(): void {
  spawnSync("taskset", ["-acp", String(LOAD_CORE), String(process.pid)]);
}

/** The command that runs `command` on one core. */
export function onCore(core: number, command: readonly string[]): string[] {
  return canPin() ? ["taskset", "-c", String(core), ...command] : [...command];
}

/** Resident memory in bytes, or undefined where there is no /proc. */
export function residentBytes(pid: number): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(file, "utf8"))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** Processor seconds used so far, of all threads, or undefined where there is no /proc. */
export function cpuSeconds(pid: number): number | undefined {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  // The process name may hold spaces; what follows its closing parenthesis starts with field 3.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

/** USER_HZ, which Linux fixes at 100 for what it shows to programs. */
const CLOCK_TICKS_PER_SECOND = 100;
