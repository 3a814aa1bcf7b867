/** Runs an operation in a process of its own, with a bound on its memory, and makes sure that it ends. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type OperationJob, type OperationMessage, operationMessage } from "./operation-job.ts";
import { endSurvivors, OPERATION_VARIABLE } from "./surviving-processes.ts";

/** A job without the parts that only the runner knows. */
export type OperationOrder = Omit<OperationJob, "directory" | "plugins">;

/**
 * What an operation says, in order; that ends when its process has. At `stop` it is asked to end; what does not is
 * killed, together with all it has started.
 */
export type StartOperation = (order: OperationOrder, stop: AbortSignal) => AsyncIterable<OperationMessage>;

export interface OperationStarterOptions {
  /** Operations' own directories are made here, and removed. */
  readonly directory: string;
  /** Of which a few names are passed on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** From the signal to end until SIGKILL. */
  readonly stopGraceMs?: number;
  /** JavaScript heap of the process. */
  readonly heapMib?: number;
  readonly onNoise?: (operationId: string, text: string) => void;
}

const BUILT = import.meta.url.endsWith(".js");
const ENTRY = fileURLToPath(new URL(`./operation-main.${BUILT ? "js" : "ts"}`, import.meta.url));
const NOISE_CHARS_MAX = 4_000;

export function createOperationStarter(options: OperationStarterOptions): StartOperation {
  const { stopGraceMs = 30_000, heapMib = 512 } = options;
  return messages;

  async function* messages(order: OperationOrder, asked: AbortSignal): AsyncGenerator<OperationMessage> {
    if (asked.aborted) return;
    const { operationId } = order;
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const directory = await mkdtemp(join(options.directory, `${operationId}-`));
    const job: OperationJob = { ...order, directory, plugins: pluginsOf(options.environment) };
    // In a process group of its own: a signal to the worker from its terminal is not one to the engine.
    const child = spawn(process.execPath, [`--max-old-space-size=${heapMib}`, ENTRY], {
      cwd: directory,
      env: environmentOf(options.environment, { operationId, directory }),
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    let running = true;
    const ended = new Promise<void>((resolve) => {
      const end = () => {
        running = false;
        resolve();
      };
      child.once("exit", end);
      child.once("error", end);
    });
    let killer: NodeJS.Timeout | undefined;
    const stop = () => {
      if (!running) return;
      child.kill("SIGTERM");
      killer ??= setTimeout(() => void (running && killGroup(child.pid)), stopGraceMs);
    };
    asked.addEventListener("abort", stop, { once: true });
    child.stdin.on("error", () => undefined);
    child.stdin.write(`${JSON.stringify(job)}\n`);
    let noise = "";
    child.stderr.on("data", (chunk: Buffer) => {
      if (noise.length < NOISE_CHARS_MAX) noise += chunk.toString("utf8");
    });
    let reported = false;
    try {
      if (asked.aborted) stop();
      for await (const line of createInterface({ input: child.stdout })) {
        const message = readMessage(line);
        if (message === undefined) continue;
        if ("result" in message) reported = true;
        yield message;
      }
      await ended;
    } finally {
      clearTimeout(killer);
      asked.removeEventListener("abort", stop);
      if (running) killGroup(child.pid);
      child.stdin.destroy();
      await ended;
      // It may have died and left the engine behind.
      if (!reported) await endSurvivors(operationId, stopGraceMs);
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
      if (noise !== "") options.onNoise?.(operationId, noise.slice(0, NOISE_CHARS_MAX));
    }
  }
}

/** Lines that are no message come from libraries that print. */
function readMessage(line: string): OperationMessage | undefined {
  try {
    return operationMessage.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** Where an operation's own home finds the plugins that are installed on this machine. */
function pluginsOf(environment: OperationStarterOptions["environment"]): string {
  return join(environment["PULUMI_HOME"] ?? join(homedir(), ".pulumi"), "plugins");
}

/** For the engine's back ends and the cluster's credential helpers, and the engine's own settings. */
const PASSED =
  /^(PATH|TMPDIR|LANG|TZ|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|(HTTPS?|NO)_PROXY|KUBERNETES_SERVICE_(HOST|PORT)|(AWS|AZURE|ARM|GOOGLE|CLOUDSDK|PULUMI)_.*)$/i;

function environmentOf(
  environment: OperationStarterOptions["environment"],
  { operationId, directory }: { operationId: string; directory: string },
): Record<string, string> {
  const passed = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && PASSED.test(entry[0]) && !NOT_PASSED.has(entry[0]),
  );
  // A home of its own: what lies in somebody's home must not decide which cluster is reached.
  return { ...Object.fromEntries(passed), HOME: directory, [OPERATION_VARIABLE]: operationId };
}

/** These are said for each operation. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  "PULUMI_HOME",
  "PULUMI_BACKEND_URL",
  "PULUMI_ACCESS_TOKEN_FILE",
  "PULUMI_CONFIG_PASSPHRASE",
  "PULUMI_CONFIG_PASSPHRASE_FILE",
  "PULUMI_STACK",
  "PULUMI_CONFIG",
  "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
]);
