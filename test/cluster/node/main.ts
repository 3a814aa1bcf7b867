/**
 * The node on the command line. `node main.ts up [--dir DIR] [--with-parent]` brings it up, prints where its kubeconfig
 * lies, and stops it on SIGINT or SIGTERM; with `--with-parent` also when its standard input ends, so that it never
 * outlives whoever started it. `node main.ts clean` removes what a killed node has left.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { lockDirectory } from "@headgate/control-plane/directory-lock";
import { cleanUp } from "./clean-up.ts";
import { prerequisites } from "./prerequisites.ts";
import { NODE_FOLDER } from "./record.ts";
import { startNode } from "./start-node.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { dir: { type: "string" }, "with-parent": { type: "boolean", default: false } },
});
const [command = "up"] = positionals;

if (command === "up") await up();
else if (command === "clean") await clean();
else throw new Error(`unknown command "${command}": up or clean`);

async function up(): Promise<void> {
  const reasons = prerequisites();
  if (reasons.length > 0) {
    console.error(`no node can be had here: ${reasons.join("; ")}`);
    process.exit(2);
  }
  const stop = stopSignal();
  const dir = values.dir ?? mkdtempSync(join(tmpdir(), "headgate-node-"));
  const removeDir = values.dir === undefined;
  const progress = (line: string) => console.error(line);
  const node = await startNode({ dir, removeDir, progress, signal: stop }).catch((error: unknown) => {
    if (removeDir) rmSync(dir, { recursive: true, force: true });
    if (!stop.aborted) console.error(error);
    process.exit(stop.aborted ? 130 : 1);
  });
  console.error(`the node is up after ${node.startSeconds.toFixed(1)} s`);
  console.log(
    JSON.stringify({
      event: "ready",
      build_seconds: node.buildSeconds,
      start_seconds: Number(node.startSeconds.toFixed(1)),
      connection: node.connection,
    }),
  );
  console.error(`export KUBECONFIG=${node.connection.kubeconfig.path} PATH=${node.connection.bin}:$PATH`);
  await new Promise<void>((resolve) => {
    // Nothing else would keep this process.
    const hold = setInterval(() => undefined, 2 ** 30);
    const end = () => {
      clearInterval(hold);
      resolve();
    };
    if (stop.aborted) end();
    stop.addEventListener("abort", end);
  });
  console.error("stopping the node");
  await node.stop();
  console.error("the node is gone");
  process.exit(0);
}

async function clean(): Promise<void> {
  using _held = lockDirectory(NODE_FOLDER);
  await cleanUp();
}

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
  if (values["with-parent"]) {
    process.stdin.once("end", () => stop.abort());
    process.stdin.once("error", () => stop.abort());
    process.stdin.resume();
  }
  return stop.signal;
}
