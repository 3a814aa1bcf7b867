import { existsSync, readFileSync, writeFileSync } from "node:fs";

export interface Cgroups {
  readonly version: 1 | 2;
  readonly driver: "cgroupfs" | "systemd";
  /** The groups that the kubelet makes for pods, by their names under the root. */
  readonly names: readonly string[];
}

const ROOT = "/sys/fs/cgroup";
const CONTROLLERS = ["cpu", "cpuset", "memory", "pids"];

/** systemd owns the tree where it runs on version 2; elsewhere the files are written directly. */
export function detectCgroups(): Cgroups {
  const version = existsSync(`${ROOT}/cgroup.controllers`) ? 2 : 1;
  const driver = version === 2 && existsSync("/run/systemd/system") ? "systemd" : "cgroupfs";
  return { version, driver, names: [driver === "systemd" ? "kubepods.slice" : "kubepods"] };
}

/** Why containers could not be limited here; empty when they can. */
export function cgroupTrouble(): readonly string[] {
  if (detectCgroups().version === 1) return existsSync(`${ROOT}/memory`) ? [] : ["no memory cgroup"];
  const missing = CONTROLLERS.filter((name) => !words("cgroup.controllers").includes(name));
  if (missing.length > 0) return [`no cgroup controllers ${missing.join(", ")}`];
  const disabled = CONTROLLERS.filter((name) => !words("cgroup.subtree_control").includes(name));
  try {
    if (disabled.length > 0) {
      writeFileSync(`${ROOT}/cgroup.subtree_control`, disabled.map((name) => `+${name}`).join(" "));
    }
    return [];
  } catch {
    return ["the root cgroup holds processes, so that its controllers cannot be given to pods"];
  }
}

function words(file: string): readonly string[] {
  return readFileSync(`${ROOT}/${file}`, "utf8").trim().split(/\s+/);
}
