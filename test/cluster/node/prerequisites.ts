import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { isThere, missingDebianPackages } from "../parts/debian-packages.ts";
import { partsAreCached } from "../parts/parts.ts";
import { runSync } from "../parts/run.ts";
import { GO_NEEDED } from "../parts/versions.ts";
import { cgroupTrouble } from "./cgroups.ts";

/** Why no node can be had on this machine; empty when one can. */
export function prerequisites(): readonly string[] {
  if (process.platform !== "linux") return [`not Linux but ${process.platform}`];
  const reasons: string[] = [];
  if (process.arch !== "x64" && process.arch !== "arm64") reasons.push(`no parts for ${process.arch}`);
  if (process.getuid?.() !== 0) reasons.push("not root");
  if (missingDebianPackages().length > 0 && !isThere("apt-get")) {
    reasons.push(`not a Debian-like system, and these are missing: ${missingDebianPackages().join(", ")}`);
  }
  if (!partsAreCached()) reasons.push(...goTrouble());
  if (process.getuid?.() === 0) {
    const fixed = ["/proc/sys/net/ipv4/ip_forward", "/sys/fs/cgroup"].filter((path) => !isWritable(path));
    if (fixed.length > 0) reasons.push(`read-only here: ${fixed.join(", ")}`);
    else reasons.push(...cgroupTrouble());
  }
  if (!canBridge()) reasons.push("the kernel does not filter bridged traffic (br_netfilter)");
  return reasons;
}

function goTrouble(): readonly string[] {
  const [version, sumDatabase] = runSync("go", ["env", "GOVERSION", "GOSUMDB"]).output.split("\n");
  const found = /^go(\d+)\.(\d+)/.exec(version ?? "");
  if (found === null) return [`no Go (${GO_NEEDED} or newer builds the parts)`];
  const [major = 0, minor = 0] = GO_NEEDED.split(".").map(Number);
  const old = Number(found[1]) < major || (Number(found[1]) === major && Number(found[2]) < minor);
  if (old) return [`Go ${GO_NEEDED} or newer builds the parts, and this is ${version}`];
  return sumDatabase === "off" ? ["Go's checksum database is switched off (GOSUMDB)"] : [];
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function canBridge(): boolean {
  if (existsSync("/proc/sys/net/bridge/bridge-nf-call-iptables")) return true;
  const release = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  return runSync("modprobe", ["--dry-run", "-S", release, "br_netfilter"]).ok;
}
