import { existsSync, mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../harness/until.ts";
import type { ImageFile } from "../parts/parts.ts";
import { run } from "../parts/run.ts";
import { CONTAINERD_NAMESPACE, NETWORK } from "./addresses.ts";
import type { Cgroups } from "./cgroups.ts";
import { type Component, startComponent } from "./component.ts";
import { note } from "./record.ts";

export interface ContainerRuntime {
  readonly component: Component;
  readonly socket: string;
}

const OVERLAY_MAGIC = 0x794c7630;

/** containerd with everything it keeps inside of `dir`, and the one pod network. */
export async function startContainerRuntime(options: {
  readonly dir: string;
  readonly cgroups: Cgroups;
  readonly pause: ImageFile;
}): Promise<ContainerRuntime> {
  const { dir, cgroups, pause } = options;
  const socket = join(dir, "containerd.sock");
  const config = join(dir, "containerd.toml");
  for (const folder of ["/run/containerd", "/var/lib/cni"]) {
    if (!existsSync(folder)) note({ kind: "folder", path: folder });
  }
  note({ kind: "cgroups", names: cgroups.names });
  mkdirSync(join(dir, "cni"), { recursive: true });
  writeFileSync(join(dir, "cni", "10-headgate.conflist"), podNetwork(dir));
  writeFileSync(config, containerdConfig({ dir, socket, cgroups, pause: pause.name }));
  const component = startComponent({ dir, name: "containerd", program: "containerd", args: ["-c", config] });
  await until({ what: "containerd answers", seconds: 30 }, async () => {
    component.assertAlive();
    await run("ctr", ["-a", socket, "version"]);
    return true;
  });
  await run("ctr", ["-a", socket, "-n", CONTAINERD_NAMESPACE, "images", "import", pause.archive]);
  return { component, socket };
}

function containerdConfig(options: {
  readonly dir: string;
  readonly socket: string;
  readonly cgroups: Cgroups;
  readonly pause: string;
}): string {
  const { dir, socket, cgroups, pause } = options;
  // An overlay on an overlay cannot be mounted; copies always work.
  const snapshotter = statfsSync(dir).type === OVERLAY_MAGIC ? "native" : "overlayfs";
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  return `version = 2
root = "${join(dir, "containerd")}"
state = "${join(dir, "containerd-state")}"
oom_score = 0
[grpc]
  address = "${socket}"
[${cri}]
  sandbox_image = "${pause}"
  disable_apparmor = true
  # A process may only lower its own score with a capability that not every machine grants to root.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  enable_unprivileged_ports = true
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${join(dir, "cni")}"
[${cri}.containerd]
  snapshotter = "${snapshotter}"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = ${cgroups.driver === "systemd"}
  Root = "${join(dir, "runc")}"
`;
}

function podNetwork(dir: string): string {
  const { bridge, podCidr } = NETWORK;
  return JSON.stringify({
    cniVersion: "0.4.0",
    name: "headgate",
    plugins: [
      {
        type: "bridge",
        bridge,
        isDefaultGateway: true,
        hairpinMode: true,
        ipMasq: false,
        ipam: { type: "host-local", ranges: [[{ subnet: podCidr }]], dataDir: join(dir, "cni-addresses") },
      },
    ],
  });
}
