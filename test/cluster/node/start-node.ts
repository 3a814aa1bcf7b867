import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { lockDirectory } from "@headgate/control-plane/directory-lock";
import { until } from "../../harness/until.ts";
import { ensureParts } from "../parts/parts.ts";
import { CONTAINERD_NAMESPACE, NODE_NAME } from "./addresses.ts";
import type { ApiClient } from "./api-client.ts";
import { makeCertificates } from "./certificates.ts";
import { detectCgroups } from "./cgroups.ts";
import { cleanUp } from "./clean-up.ts";
import { type ClusterConnection, ownConnection } from "./cluster-node.ts";
import type { Component } from "./component.ts";
import { startContainerRuntime } from "./container-runtime.ts";
import { startControlPlane } from "./control-plane.ts";
import { dnsObjects } from "./dns.ts";
import { setUpHostNetwork } from "./host-network.ts";
import { importImage } from "./images.ts";
import { kubectlFor } from "./kubectl.ts";
import { startMetricsServer } from "./metrics-server.ts";
import { startNodeAgents } from "./node-agents.ts";
import { closeRecord, NODE_FOLDER, note, noted } from "./record.ts";

export interface StartNodeOptions {
  /** Everything the node writes goes there. Short, for sockets lie in it; on a real disk. */
  readonly dir: string;
  /** Removes `dir` when the node is stopped. */
  readonly removeDir?: boolean;
  readonly progress: (line: string) => void;
  /** Breaks the start off. */
  readonly signal?: AbortSignal;
}

export interface StartedNode {
  readonly connection: ClusterConnection;
  /** Seconds the build of the parts took, null when they were cached. */
  readonly buildSeconds: number | null;
  readonly startSeconds: number;
  stop(): Promise<void>;
}

/**
 * Brings up the one node of this machine. What a node that was killed has left is removed first; a node that still
 * runs is an error. When the start fails or is broken off, everything done so far is undone.
 */
export async function startNode(options: StartNodeOptions): Promise<StartedNode> {
  const { progress } = options;
  const held = lockDirectory(NODE_FOLDER);
  try {
    if (noted().length > 0) {
      progress("removing what a node that was killed has left");
      await cleanUp();
    }
    const { parts, buildSeconds } = await orAbort(ensureParts(progress), options.signal);
    const started = performance.now();
    const bringing = bringUp({ ...options, dir: resolve(options.dir) }, parts);
    const connection = await orAbort(bringing, options.signal);
    return {
      connection,
      buildSeconds,
      startSeconds: (performance.now() - started) / 1_000,
      stop: async () => {
        await cleanUp();
        held[Symbol.dispose]();
      },
    };
  } catch (error) {
    // What is still under way may not change anything any more.
    closeRecord();
    await cleanUp();
    held[Symbol.dispose]();
    throw error;
  }
}

function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error("broken off while starting"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject);
  });
}

type Parts = Awaited<ReturnType<typeof ensureParts>>["parts"];

async function bringUp(options: StartNodeOptions, parts: Parts): Promise<ClusterConnection> {
  const { dir, removeDir = false, progress } = options;
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  for (const name of NODE_STATE) rmSync(join(dir, name), { recursive: true, force: true });
  note({ kind: "directory", path: dir, removeWhenDone: removeDir });
  setUpHostNetwork();
  const cgroups = detectCgroups();
  const certificates = makeCertificates(join(dir, "pki"));
  const { bin, images } = parts;

  progress("starting containerd, etcd and the API server");
  const [runtime, controlPlane] = await Promise.all([
    startContainerRuntime({ dir, cgroups, pause: images.pause }),
    startControlPlane({ dir, bin, certificates }),
  ]);
  const { users, api, apiUrl } = controlPlane;
  const kubectl = kubectlFor(bin, users.kubeconfig.admin);

  progress("starting the kubelet and the add-ons");
  const agents = await startNodeAgents({
    ...{ dir, bin, certificates, users, cgroups },
    containerdSocket: runtime.socket,
  });
  const ctr = ["ctr", "-a", runtime.socket, "-n", CONTAINERD_NAMESPACE];
  const dns = await importImage(ctr, images.coredns.archive, images.coredns.name);
  await importImage(ctr, images.probe.archive, images.probe.name);
  await kubectl(["apply", "--server-side", ...parts.crds.flatMap((file) => ["-f", file])]);
  await kubectl(["apply", "-f", "-"], dnsObjects(dns.ref));
  const metrics = await startMetricsServer({ dir, bin, users, kubectl });

  const components = [runtime.component, ...controlPlane.components, ...agents, metrics];
  await readiness(api, components, progress);
  const connection = ownConnection({
    ...{ dir, bin, apiUrl },
    kubeconfig: users.kubeconfig.admin,
    adminToken: users.adminToken,
    containerdSocket: runtime.socket,
  });
  writeFileSync(join(dir, CONNECTION_FILE), JSON.stringify(connection, null, 2), { mode: 0o600 });
  return connection;
}

export const CONNECTION_FILE = "connection.json";

/** Of an earlier node in the same directory. */
const NODE_STATE = [
  "connection.json",
  "logs",
  "etcd",
  "kubelet",
  "containerd",
  "containerd-state",
  "pki",
  "runc",
];

async function readiness(
  api: ApiClient,
  components: readonly Component[],
  progress: (line: string) => void,
): Promise<void> {
  const wait = (what: string, ask: () => Promise<boolean>) =>
    until({ what, seconds: 120, everyMs: 500 }, async () => {
      for (const component of components) component.assertAlive();
      return ask();
    });
  interface Conditions {
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }
  const holds = async (path: string, type: string) =>
    (await api.json<Conditions>(path)).status.conditions?.some(
      (condition) => condition.type === type && condition.status === "True",
    ) ?? false;
  await wait("the node is ready", () => holds(`/api/v1/nodes/${NODE_NAME}`, "Ready"));
  progress("the node is ready; waiting for DNS and metrics");
  await wait("DNS is available", () =>
    holds("/apis/apps/v1/namespaces/kube-system/deployments/coredns", "Available"),
  );
  await wait("the metrics API answers for the node", async () => {
    const path = "/apis/metrics.k8s.io/v1beta1/nodes";
    return (await api.json<{ readonly items: readonly unknown[] }>(path)).items.length > 0;
  });
}
