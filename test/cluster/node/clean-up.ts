import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../harness/until.ts";
import { runSync } from "../parts/run.ts";
import { descendants, isAlive, killProcess, type ProcessId, processesWhere } from "./process-table.ts";
import { type Entry, forget, noted } from "./record.ts";

/**
 * Undoes everything in the record: the same way for a node that is told to stop and for one that was killed long ago.
 * Nothing of a node outlives it, so nothing is asked to end by itself. Does nothing when nothing was noted.
 */
export async function cleanUp(): Promise<void> {
  const entries = noted();
  const of = <K extends Entry["kind"]>(kind: K) =>
    entries.filter((entry): entry is Extract<Entry, { kind: K }> => entry.kind === kind);

  await end(of("process").map(({ id }) => id));
  const directories = of("directory");
  // Containers outlive containerd: each hangs on a shim, which names our socket among its arguments.
  const shims = processesWhere(
    ([program, ...args]) =>
      (program ?? "").includes("containerd-shim") &&
      directories.some(({ path }) => args.includes(join(path, "containerd.sock"))),
  );
  await end([...shims, ...descendants(shims.map(({ pid }) => pid))]);

  for (const { path } of directories) unmountUnder(path);
  for (const { names } of of("cgroups")) removeCgroups(names);
  for (const { name } of of("bridge")) runSync("ip", ["link", "delete", name]);
  for (const { name } of of("nft-tables")) {
    for (const family of ["ip", "ip6"]) runSync("nft", ["delete", "table", family, name]);
  }
  for (const { args } of of("firewall-rule")) runSync("iptables", ["-D", ...args]);
  for (const { file, before } of of("setting").toReversed()) writeFileSync(file, before);
  for (const { path } of of("folder").toReversed()) rmSync(path, { recursive: true, force: true });
  for (const { path, removeWhenDone } of directories) {
    if (removeWhenDone) rmSync(path, { recursive: true, force: true });
  }
  forget();
}

async function end(processes: readonly ProcessId[]): Promise<void> {
  for (const process_ of processes) killProcess(process_, "SIGKILL");
  await until({ what: "the end of the node's processes", seconds: 20, everyMs: 20 }, () =>
    processes.every((process_) => !isAlive(process_)),
  );
}

function unmountUnder(path: string): void {
  for (let left = mountsUnder(path); left.length > 0; ) {
    // What lies deeper, or was mounted later, is listed later.
    for (const mount of left.toReversed()) runSync("umount", ["--lazy", mount]);
    const still = mountsUnder(path);
    if (still.length >= left.length) throw new Error(`could not be unmounted: ${still.join(", ")}`);
    left = still;
  }
}

export function mountsUnder(path: string): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, octal) => octalChar(octal)))
    .filter((mount) => mount.startsWith(`${path}/`));
}

function octalChar(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8));
}

/** Only empty groups can be removed: a group in which something runs that is not ours stays. */
function removeCgroups(names: readonly string[]): void {
  const root = "/sys/fs/cgroup";
  for (const name of names) {
    if (name.endsWith(".slice")) runSync("systemctl", ["stop", name]);
    for (const parent of [root, ...readdirSync(root).map((entry) => join(root, entry))]) {
      removeTree(join(parent, name));
    }
  }
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  try {
    rmdirSync(folder);
  } catch {
    // Busy: see above.
  }
}
