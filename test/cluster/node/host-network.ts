import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { runSync } from "../parts/run.ts";
import { NETWORK } from "./addresses.ts";
import { note } from "./record.ts";

/** Settings the node needs, by their file under /proc/sys; a number is a lower bound. */
const WANTED: readonly (readonly [file: string, value: string | number])[] = [
  ["net/ipv4/ip_forward", "1"],
  ["net/bridge/bridge-nf-call-iptables", "1"],
  ["net/bridge/bridge-nf-call-ip6tables", "1"],
  // Each container and each `kubectl logs --follow` watches files.
  ["fs/inotify/max_user_instances", 1_024],
  ["fs/inotify/max_user_watches", 262_144],
];

/** Settings that the kubelet and kube-proxy write by themselves: noted, so that they are put back. */
const TOUCHED = [
  "vm/overcommit_memory",
  "vm/panic_on_oom",
  "kernel/panic",
  "kernel/panic_on_oops",
  "kernel/keys/root_maxkeys",
  "kernel/keys/root_maxbytes",
  "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
  "net/netfilter/nf_conntrack_tcp_timeout_established",
];

/** Makes the bridge of the pods, and the kernel forward between them. */
export function setUpHostNetwork(): void {
  for (const module of ["overlay", "br_netfilter", "nf_conntrack"]) runSync("modprobe", [module]);
  for (const file of TOUCHED) keep(file);
  for (const [file, value] of WANTED) {
    const before = keep(file);
    if (before === null) continue;
    if (typeof value === "string" ? before !== value : Number(before) < value) {
      writeFileSync(`/proc/sys/${file}`, String(value));
    }
  }

  const { bridge, hardwareAddress, address, prefix } = NETWORK;
  if (existsSync(`/sys/class/net/${bridge}`)) throw new Error(`there is a bridge ${bridge} that is not ours`);
  note({ kind: "bridge", name: bridge });
  // Left to itself a bridge takes the lowest hardware address of its ports, and so another one when that pod goes: pods
  // then answer to the old one, and whoever calls them by a Service from outside the pods' network hears nothing for a minute.
  must("ip", ["link", "add", bridge, "address", hardwareAddress, "type", "bridge"]);
  must("ip", ["address", "add", `${address}/${prefix}`, "dev", bridge]);
  must("ip", ["link", "set", bridge, "up"]);
  note({ kind: "nft-tables", name: "kube-proxy" });
  letForwardingThrough(bridge);
}

function keep(file: string): string | null {
  const path = `/proc/sys/${file}`;
  if (!existsSync(path)) return null;
  const before = readFileSync(path, "utf8").trim();
  note({ kind: "setting", file: path, before });
  return before;
}

/** Where something else on the machine (Docker, say) drops what is forwarded, our bridge gets an exception. */
function letForwardingThrough(bridge: string): void {
  if (!runSync("iptables", ["-S", "FORWARD"]).output.includes("-P FORWARD DROP")) return;
  for (const direction of ["-i", "-o"]) {
    const rule = ["FORWARD", direction, bridge, "-j", "ACCEPT"];
    note({ kind: "firewall-rule", args: rule });
    must("iptables", ["-I", ...rule]);
  }
}

function must(file: string, args: readonly string[]): void {
  const { ok, output } = runSync(file, args);
  if (!ok) throw new Error(`${[file, ...args].join(" ")}: ${output}`);
}
