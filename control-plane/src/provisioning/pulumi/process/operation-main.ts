/**
 * The process that runs one operation. It gets its job on standard input, says what happens on standard output, and
 * asks the engine to end when it is told to, and when whoever started it is gone.
 */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { executeOperation } from "./execute-operation.ts";
import { type OperationJob, type OperationMessage, operationJob } from "./operation-job.ts";
import { createRedact, secretsOfKubeconfig } from "./redact.ts";

/** Well below the lease under which the operation runs. */
const ALONE_MS_MAX = 25_000;

process.umask(0o077);
const stop = new AbortController();
const lines = createInterface({ input: process.stdin });
const job = new Promise<OperationJob>((resolve, reject) => {
  lines.once("line", (line) => {
    try {
      resolve(operationJob.parse(JSON.parse(line)));
    } catch {
      reject(new Error("the job is not valid"));
    }
  });
  lines.once("close", () => reject(new Error("no job was given")));
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  // The second one does not wait for what the first one began.
  process.on(signal, () => (stop.signal.aborted ? process.exit(1) : stop.abort(new Error("it was stopped"))));
}
// A worker that is gone reads nothing any more.
process.stdout.on("error", () => stop.abort(new Error("the worker is gone")));
lines.once("close", () => {
  stop.abort(new Error("the worker is gone"));
  // Nobody else would: the engine is part of this process's group, and must not outlive the lease of the worker.
  setTimeout(() => process.kill(-process.pid, "SIGKILL"), ALONE_MS_MAX).unref();
});

const say = (message: OperationMessage) => {
  if (process.stdout.writable) process.stdout.write(`${JSON.stringify(message)}\n`);
};

try {
  const given = await job;
  const passphrase = (await readFile(given.passphraseFile, "utf8")).trim();
  const redact = createRedact([
    given.spec.joinSecret,
    given.backend,
    passphrase,
    ...secretsOfKubeconfig(given.kubeconfig),
  ]);
  const result = await executeOperation(given, {
    redact,
    say: (event) => say({ event }),
    signal: stop.signal,
  });
  say({ result });
  process.stdout.end(() => process.exit(0));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : "unknown"}\n`);
  process.exit(1);
}
