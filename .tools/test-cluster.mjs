// The cluster suite: real Kubernetes on a node of its own (or the cluster of KUBECONFIG), one file after the other.
// Arguments are passed on to vitest, for example `npm run test:cluster -- suite/00`. Prints the figures that the tests
// have recorded; the last line is `N passed, N failed, N skipped`. A machine that cannot have a node skips every test,
// by name and with the reason, and that is not a failure.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { prerequisites } from "../test/cluster/node/prerequisites.ts";
import { isAlive, processId } from "../test/cluster/node/process-table.ts";
import { readFigures } from "../test/cluster/report.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), "headgate-cluster-run-"));
const files = {
  results: join(scratch, "vitest.json"),
  report: join(scratch, "figures.jsonl"),
  nodePid: join(scratch, "node.pid"),
};
const given = ["KUBECONFIG", "HEADGATE_CLUSTER_DIR"].some((name) => process.env[name]);
const lacking = given ? [] : prerequisites();
if (lacking.length > 0) {
  console.log(
    `\n!!! NOTHING WILL BE TESTED: no cluster can be had here.\n${lacking.map((reason) => `!!!   ${reason}\n`).join("")}`,
  );
}

const status = await runVitest();
await nodeIsGone();
const results = readResults();
printReport();
rmSync(scratch, { recursive: true, force: true });

// A run that broke outside of any test, or in which nothing was tested where something could be, has failed too.
const { passed, skipped } = results;
let { failed } = results;
const idle = lacking.length > 0 ? skipped === 0 : status !== 0 || passed === 0;
if (failed === 0 && idle) failed = 1;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;

/** Resolves with its exit code. It gets the signals that we get; one that does not end on them is killed. */
function runVitest() {
  const args = [
    join(root, "node_modules", "vitest", "vitest.mjs"),
    "run",
    "--config=cluster/vitest.config.ts",
    "--reporter=verbose",
    "--reporter=json",
    `--outputFile.json=${files.results}`,
    // Matches no test: each is listed as skipped, and no hook runs.
    ...(lacking.length > 0 ? ["--testNamePattern=^$"] : []),
    ...process.argv.slice(2),
  ];
  const child = spawn(process.execPath, args, {
    cwd: join(root, "test"),
    stdio: "inherit",
    env: {
      ...process.env,
      HEADGATE_CLUSTER_REPORT: files.report,
      HEADGATE_CLUSTER_NODE_PID: files.nodePid,
      ...(lacking.length > 0 ? { HEADGATE_CLUSTER_SKIP: lacking.join("; ") } : {}),
    },
  });
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      child.kill(signal);
      setTimeout(() => child.kill("SIGKILL"), 15_000).unref();
    });
  }
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

/** The node takes itself down when vitest is gone, however that ended: wait until it has. */
async function nodeIsGone() {
  if (!existsSync(files.nodePid)) return;
  const node = processId(Number(readFileSync(files.nodePid, "utf8")));
  for (let waited = 0; node !== null && isAlive(node); waited += 1) {
    if (waited === 5) console.log("waiting for the node to take itself down ...");
    if (waited === 120) throw new Error(`the node (process ${node.pid}) does not end`);
    await sleep(1_000);
  }
}

function readResults() {
  const none = { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  if (!existsSync(files.results)) return none;
  const result = JSON.parse(readFileSync(files.results, "utf8"));
  // A file that could not even be loaded, or whose set-up failed, has no failed test of its own.
  const broken = result.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  const notRun = result.testResults.flatMap((file) =>
    file.assertionResults.filter((test) => !["passed", "failed"].includes(test.status)),
  );
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + broken.length,
    skipped: notRun.length,
    skippedNames: notRun.map((test) => test.fullName),
  };
}

function printReport() {
  if (lacking.length > 0) {
    for (const name of results.skippedNames) console.log(`skipped: ${lacking.join("; ")}: ${name}`);
  }
  if (!existsSync(files.report)) return;
  console.log("\nFigures of this run");
  for (const [name, value] of readFigures(files.report)) {
    const text = String(value);
    console.log(
      text.includes("\n") ? `  ${name}:\n    ${text.replaceAll("\n", "\n    ")}` : `  ${name}: ${text}`,
    );
  }
  console.log("");
}
