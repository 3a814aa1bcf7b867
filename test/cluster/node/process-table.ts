import { readdirSync, readFileSync } from "node:fs";

/** A process that cannot be mistaken for a later one of the same number. */
export interface ProcessId {
  readonly pid: number;
  /** When it started, in the kernel's ticks since boot. */
  readonly startTicks: string;
}

export function processId(pid: number): ProcessId | null {
  const stat = statOf(pid);
  return stat === null ? null : { pid, startTicks: stat.startTicks };
}

export function isAlive({ pid, startTicks }: ProcessId): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.startTicks === startTicks && stat.state !== "Z";
}

export function killProcess(process_: ProcessId, signal: NodeJS.Signals): void {
  if (!isAlive(process_)) return;
  try {
    process.kill(process_.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The processes under these, without them, the deepest last. */
export function descendants(of: readonly number[]): readonly ProcessId[] {
  const children = new Map<number, ProcessId[]>();
  for (const pid of allPids()) {
    const stat = statOf(pid);
    if (stat === null) continue;
    const siblings = children.get(stat.parent) ?? [];
    siblings.push({ pid, startTicks: stat.startTicks });
    children.set(stat.parent, siblings);
  }
  const found: ProcessId[] = [];
  for (const queue = [...of]; queue.length > 0; ) {
    for (const child of children.get(queue.shift() ?? 0) ?? []) {
      found.push(child);
      queue.push(child.pid);
    }
  }
  return found;
}

/** Processes whose arguments fulfil the condition. */
export function processesWhere(condition: (args: readonly string[]) => boolean): readonly ProcessId[] {
  return allPids().flatMap((pid) => {
    const id = condition(read(`/proc/${pid}/cmdline`).split("\0")) ? processId(pid) : null;
    return id === null ? [] : [id];
  });
}

/** Resident memory in bytes; 0 when the process is gone. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes ?? 0) * 1_024;
}

function statOf(pid: number): { state: string; parent: number; startTicks: string } | null {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is the name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  const startTicks = fields[19];
  if (state === undefined || parent === undefined || startTicks === undefined) return null;
  return { state, parent: Number(parent), startTicks };
}

function allPids(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
