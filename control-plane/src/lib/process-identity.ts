/**
 * Tells a process from another one that later got the same number: by the moment it started, and on Linux by the
 * boot as well. A number alone is never enough to signal a process.
 */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";

/** The identity of a living process; undefined when there is none of this number, or only its remains. */
export async function processIdentity(pid: number): Promise<string | undefined> {
  return process.platform === "linux" ? linuxIdentity(pid) : psIdentity(pid);
}

export interface LivingProcess {
  readonly pid: number;
  readonly identity: string;
}

/**
 * The other living processes of our user that have `variable` (as `NAME=value`) in their environment, and run `argument`
 * where one is given. So what a predecessor has started is found that died before it could write it down. Linux only.
 */
export async function findProcesses(variable: string, argument?: string): Promise<LivingProcess[]> {
  if (process.platform !== "linux") return [];
  const found: LivingProcess[] = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!/^\d+$/.test(name) || pid === process.pid) continue;
    if (!(await words(`/proc/${name}/environ`)).includes(variable)) continue;
    if (argument !== undefined && !(await words(`/proc/${name}/cmdline`)).includes(argument)) continue;
    const identity = await linuxIdentity(pid);
    if (identity !== undefined) found.push({ pid, identity });
  }
  return found;
}

async function linuxIdentity(pid: number): Promise<string | undefined> {
  const [stat, bootId] = await Promise.all([
    textOf(`/proc/${pid}/stat`),
    textOf("/proc/sys/kernel/random/boot_id"),
  ]);
  // The second field is the program's name in parentheses and may hold anything; the others follow the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (startTime === undefined || state === "Z" || state === "X") return undefined;
  return `${bootId.trim()}:${startTime}`;
}

function psIdentity(pid: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      "/bin/ps",
      ["-o", "stat=,lstart=", "-p", String(pid)],
      { env: { LC_ALL: "C" } },
      (error, stdout) => {
        const [, state = "", started = ""] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout) ?? [];
        resolve(error !== null || started === "" || state.startsWith("Z") ? undefined : started);
      },
    );
  });
}

async function words(path: string): Promise<string[]> {
  return (await textOf(path)).split("\0");
}

async function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
