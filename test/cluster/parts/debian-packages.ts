import { existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./run.ts";

/** What the node needs of the system: the file that shows it is there, and the package that brings it. */
const NEEDED: readonly (readonly [file: string, debianPackage: string])[] = [
  ["etcd", "etcd-server"],
  ["containerd", "containerd"],
  ["ctr", "containerd"],
  ["runc", "runc"],
  ["/usr/lib/cni/bridge", "containernetworking-plugins"],
  ["/usr/lib/cni/host-local", "containernetworking-plugins"],
  ["buildah", "buildah"],
  ["conntrack", "conntrack"],
  ["iptables", "iptables"],
  ["nft", "nftables"],
  ["ipset", "ipset"],
  ["ip", "iproute2"],
  ["openssl", "openssl"],
];

/** Asked by Debian's package scripts before they start a service; 101 means no. */
const POLICY = "/usr/sbin/policy-rc.d";

/** Installs what is missing, without starting any service. Returns the names of what it has installed. */
export async function ensureDebianPackages(progress: (line: string) => void): Promise<readonly string[]> {
  const missing = missingDebianPackages();
  if (missing.length === 0) return [];
  progress(`installing Debian packages: ${missing.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await run("apt-get", ["update", "-qq"], { env });
    await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], { env });
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true });
  }
  const still = missingDebianPackages();
  if (still.length > 0) throw new Error(`still missing after their installation: ${still.join(", ")}`);
  return missing;
}

export function missingDebianPackages(): readonly string[] {
  return [...new Set(NEEDED.flatMap(([file, name]) => (isThere(file) ? [] : [name])))];
}

export function isThere(file: string): boolean {
  if (file.startsWith("/")) return existsSync(file);
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return [...folders, "/usr/sbin", "/sbin"].some((folder) => existsSync(join(folder, file)));
}
