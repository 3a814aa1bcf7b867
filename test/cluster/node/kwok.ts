import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../harness/until.ts";
import { cachedParts } from "../parts/parts.ts";
import { NETWORK } from "./addresses.ts";
import { logFile, startComponent } from "./component.ts";
import type { Kubectl } from "./kubectl.ts";

export interface KwokOptions {
  /**
   * True (unless told): only pods that tolerate `kwok.x-k8s.io/node` land there. False: any pod may, which together with
   * `kubectl cordon` of the real node sends all new pods there.
   */
  readonly tainted?: boolean;
}

export interface KwokNodes {
  readonly names: readonly string[];
  /** Takes these nodes away; what was said to run on them is then gone too. */
  stop(): Promise<void>;
}

/** Label of kwok's nodes, which are the only ones it is told to manage; pods select them by it. */
export const KWOK_LABEL = { "headgate.dev/test-node": "kwok" } as const;
export const KWOK_TAINT = { key: "kwok.x-k8s.io/node", value: "fake", effect: "NoSchedule" } as const;

const CAPACITY = { cpu: "64", memory: "256Gi", "ephemeral-storage": "1Ti", pods: "500" };

/** Nodes without a machine: pods on them are said to run, and nothing does. Called again, it adds or retaints nodes. */
export async function startKwok(
  node: { readonly dir: string; readonly bin: string; readonly kubectl: Kubectl },
  count: number,
  { tainted = true }: KwokOptions = {},
): Promise<KwokNodes> {
  const { dir, bin, kubectl } = node;
  if (!existsSync(logFile(dir, "kwok"))) {
    const config = join(dir, "kwok.yaml");
    writeFileSync(
      config,
      cachedParts()
        .kwokStages.map((file) => readFileSync(file, "utf8"))
        .join("\n---\n"),
    );
    startComponent({
      dir,
      name: "kwok",
      program: join(bin, "kwok"),
      args: [
        `--config=${config}`,
        `--kubeconfig=${join(dir, "kwok.kubeconfig")}`,
        `--manage-nodes-with-label-selector=${Object.entries(KWOK_LABEL).flat().join("=")}`,
        "--cidr=10.245.0.0/16",
        `--node-ip=${NETWORK.address}`,
        "--node-lease-duration-seconds=40",
      ],
    });
  }
  const names = Array.from({ length: count }, (_, index) => `kwok-${index}`);
  await kubectl(
    ["apply", "--server-side", "--force-conflicts", "-f", "-"],
    names.map((name, index) => nodeObject(name, `test-${"abc"[index % 3]}`, tainted)),
  );
  await until({ what: "kwok's nodes are ready", seconds: 60 }, async () => {
    const ready = await kubectl([
      ...["get", "nodes", "-l", Object.entries(KWOK_LABEL).flat().join("="), "-o"],
      `jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}`,
    ]);
    return ready.split("\n").filter((status) => status === "True").length >= count;
  });
  return {
    names,
    stop: async () => {
      await kubectl(["delete", "nodes", "--ignore-not-found", ...names]);
    },
  };
}

function nodeObject(name: string, zone: string, tainted: boolean): unknown {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      annotations: { "kwok.x-k8s.io/node": "fake" },
      labels: {
        ...KWOK_LABEL,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": process.arch === "x64" ? "amd64" : process.arch,
        "topology.kubernetes.io/region": "test",
        "topology.kubernetes.io/zone": zone,
      },
    },
    spec: { taints: tainted ? [KWOK_TAINT] : [] },
    status: { allocatable: CAPACITY, capacity: CAPACITY },
  };
}
