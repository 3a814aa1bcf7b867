/**
 * Real processes of ours: started with an environment that holds nothing but what is given, watched through the JSON
 * lines they print, killed when told, and ended with this process at the latest. What they print is kept in a file.
 */
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface ProcessOptions {
  /** Names it in errors and names its log. */
  readonly name: string;
  /** The module to run: a path, or what a package exports, such as `@headgate/data-plane/main`. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where logs are kept. */
  readonly logs?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<Exit>;
  /** The first line `{"event": name, ...}` on its output, past or future. Rejects when the process ends without one. */
  event(name: string): Promise<Readonly<Record<string, unknown>>>;
  /** Sends the signal (SIGKILL unless told) and resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** The last lines it printed. */
  tail(): string;
}

export const LOG_DIRECTORY = fileURLToPath(new URL("../.headgate/test-logs", packageRoot()));
const TAIL_LINES = 40;
let started = 0;

export function startProcess(options: ProcessOptions): RunningProcess {
  const logs = options.logs ?? LOG_DIRECTORY;
  mkdirSync(logs, { recursive: true });
  started += 1;
  const logFile = join(logs, `${options.name}-${process.pid}-${started}.log`);
  const log = createWriteStream(logFile);
  const child = spawn(process.execPath, ["--import", GUARD, resolveEntry(options.entry)], {
    env: { ...inherited(), ...options.env, HARNESS_PARENT_PID: String(process.pid) },
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: Ctrl-C in a terminal reaches us, and we end our processes in their order.
    detached: true,
  });
  const lines: string[] = [];
  const events = new Map<string, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  const eventNamed = (name: string) => {
    const known = events.get(name) ?? Promise.withResolvers<Readonly<Record<string, unknown>>>();
    known.promise.catch(() => undefined);
    events.set(name, known);
    return known;
  };
  let ended: Error | undefined;
  const exited = new Promise<Exit>((resolve) => {
    const end = (exit: Exit, reason: string) => {
      ended ??= new Error(
        `${options.name} ${reason}. Its last lines:\n${lines.join("\n")}\n(all of it: ${logFile})`,
      );
      for (const { reject } of events.values()) reject(ended);
      log.end();
      resolve(exit);
    };
    child.once("error", (error) =>
      end({ code: null, signal: null }, `could not be started: ${error.message}`),
    );
    child.once("close", (code, signal) => end({ code, signal }, `ended with ${signal ?? code}`));
  });
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on("line", (line) => {
      log.write(`${line}\n`);
      lines.push(line);
      if (lines.length > TAIL_LINES) lines.shift();
      const event = output === child.stdout ? eventOf(line) : undefined;
      if (event !== undefined) eventNamed(event.name).resolve(event.line);
    });
  }

  const kill = (signal: NodeJS.Signals = "SIGKILL") => {
    child.kill(signal);
    return exited;
  };
  return {
    pid: child.pid ?? 0,
    logFile,
    exited,
    event: (name) => {
      const known = eventNamed(name);
      if (ended !== undefined) known.reject(ended);
      return known.promise;
    },
    kill,
    tail: () => lines.join("\n"),
    [Symbol.asyncDispose]: async () => {
      await kill("SIGTERM");
    },
  };
}

const GUARD = new URL(`./end-with-parent${extname(import.meta.url)}`, import.meta.url).href;

/** Our own settings of the developer's shell must not leak into a test. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR", "LANG"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  ) as Record<string, string>;
}

function resolveEntry(entry: string): string {
  return entry.startsWith("@") ? createRequire(import.meta.url).resolve(entry) : entry;
}

/** The folder of this package, whether this file runs as it is or compiled. */
function packageRoot(): URL {
  const compiled = extname(import.meta.url) === ".js";
  return new URL(compiled ? "../../" : "../", import.meta.url);
}

function eventOf(line: string): { name: string; line: Readonly<Record<string, unknown>> } | undefined {
  if (!line.startsWith('{"event":')) return undefined;
  try {
    const parsed = JSON.parse(line) as { readonly event: unknown };
    return typeof parsed.event === "string" ? { name: parsed.event, line: { ...parsed } } : undefined;
  } catch {
    return undefined;
  }
}
