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

/**
 * The living process of our user that runs `argument` with `variable` (as `NAME=value`) in its environment. It finds a
 * child that was started by a predecessor which died before it could write the number down. Linux only.
 */
export async function findProcess(argument: string, variable: string): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const [args, environment] = await Promise.all([
      words(`/proc/${name}/cmdline`),
      words(`/proc/${name}/environ`),
    ]);
    if (!args.includes(argument) || !environment.includes(variable)) continue;
    if ((await linuxIdentity(Number(name))) !== undefined) return Number(name);
  }
  return undefined;
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
