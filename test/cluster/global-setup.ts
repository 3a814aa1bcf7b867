/**
 * One cluster for the whole run. A node of our own is a process beside this one, told to end when its standard input
 * does: it takes everything down again even if this process is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { buildImages } from "./images/build-images.ts";
import type { ClusterConnection } from "./node/cluster-node.ts";
import { absentCluster, givenCluster } from "./node/given-cluster.ts";
import { recordFigure } from "./report.ts";

let node: ChildProcess | undefined;

export async function setup(project: TestProject): Promise<void> {
  const cluster = await connect();
  // Here and not in the first test that wants them: on a machine that has none yet it takes minutes.
  if (!cluster.missing.some((entry) => entry.startsWith("images:"))) await prepareImages();
  project.provide("cluster", cluster);
}

async function prepareImages(): Promise<void> {
  const startedAt = performance.now();
  const { built } = await buildImages((line) => console.error(line));
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  recordFigure("build of the images", built.length === 0 ? "cached" : `${seconds} s (${built.join(", ")})`);
}

export async function teardown(): Promise<void> {
  if (node === undefined || node.exitCode !== null) return;
  node.stdin?.end();
  const [code] = await once(node, "exit");
  if (code !== 0) throw new Error(`the node was not taken down: it ended with ${code}`);
}

async function connect(): Promise<ClusterConnection> {
  const env = process.env;
  const skip = env["HEADGATE_CLUSTER_SKIP"];
  if (skip !== undefined) return absentCluster(skip);
  const running = env["HEADGATE_CLUSTER_DIR"];
  if (running !== undefined) {
    recordFigure("cluster", `the node that runs in ${running}`);
    return JSON.parse(readFileSync(join(running, "connection.json"), "utf8")) as ClusterConnection;
  }
  const kubeconfig = env["KUBECONFIG"];
  if (kubeconfig !== undefined && kubeconfig !== "") {
    recordFigure("cluster", "given by KUBECONFIG");
    return givenCluster({
      kubeconfig,
      hostAddress: env["HEADGATE_CLUSTER_HOST"],
      ctr: env["HEADGATE_CLUSTER_CTR"],
    });
  }
  return startOwnNode();
}

interface ReadyLine {
  readonly build_seconds: number | null;
  readonly start_seconds: number;
  readonly connection: ClusterConnection;
}

async function startOwnNode(): Promise<ClusterConnection> {
  const main = fileURLToPath(new URL("./node/main.ts", import.meta.url));
  node = spawn(process.execPath, [main, "up", "--with-parent"], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const pidFile = process.env["HEADGATE_CLUSTER_NODE_PID"];
  if (pidFile !== undefined) writeFileSync(pidFile, String(node.pid));
  const ready = await readyLine(node);
  recordFigure("cluster", "own node, real Kubernetes");
  recordFigure("build of the parts", ready.build_seconds === null ? "cached" : `${ready.build_seconds} s`);
  recordFigure("start of the node", `${ready.start_seconds} s`);
  return ready.connection;
}

function readyLine(child: ChildProcess): Promise<ReadyLine> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the node could not be started (${code}), see above`)));
    if (child.stdout === null) return reject(new Error("the node has no output"));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith('{"event":"ready"')) resolve(JSON.parse(line) as ReadyLine);
    });
  });
}
