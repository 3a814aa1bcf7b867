/** Starts one contender's process on its core and waits until it serves. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { onCore, SERVER_CORE } from "./machine.ts";

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** What it has written to standard error so far, for when it fails. */
  stderr(): string;
}

export interface ServerProcessOptions {
  /** Arguments of this Node. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Where it listens, for one that cannot say so: otherwise it writes a JSON line `{"event":"listening","url"}`. */
  readonly port?: number;
  /** The event after which it may be used. */
  readonly readyEvent?: string;
  readonly startMs?: number;
}

/** Throws when the process ends, or is not ready in time. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const [command = "", ...args] = onCore(SERVER_CORE, [process.execPath, ...options.args]);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, NODE_ENV: "production", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4_000);
  });
  const ended = new AbortController();
  child.once("exit", () => ended.abort());
  child.once("error", () => ended.abort());
  const deadline = AbortSignal.any([ended.signal, AbortSignal.timeout(options.startMs ?? 20_000)]);
  try {
    const port =
      options.port === undefined
        ? await announcedPort(child, options.readyEvent ?? "listening", deadline)
        : await openPort(options.port, deadline);
    if (child.pid === undefined) throw new Error("no process id");
    child.stdout?.resume();
    return {
      pid: child.pid,
      port,
      stderr: () => stderr,
      [Symbol.asyncDispose]: () => stop(child),
    };
  } catch (cause) {
    await stop(child);
    throw new Error(`${options.args.join(" ")} did not start: ${stderr.trim() || String(cause)}`, { cause });
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function announcedPort(child: ChildProcess, readyEvent: string, signal: AbortSignal): Promise<number> {
  if (child.stdout === null) throw new Error("no standard output");
  const lines = createInterface({ input: child.stdout });
  let port: number | undefined;
  const aborted = () => lines.close();
  signal.addEventListener("abort", aborted, { once: true });
  for await (const line of lines) {
    const event = line.startsWith("{") ? (JSON.parse(line) as { event?: string; url?: string }) : {};
    if (event.event === "listening" && event.url !== undefined) port = Number(new URL(event.url).port);
    if (event.event === readyEvent && port !== undefined) {
      signal.removeEventListener("abort", aborted);
      return port;
    }
  }
  throw new Error(`it never said "${readyEvent}"`);
}

async function openPort(port: number, signal: AbortSignal): Promise<number> {
  while (!signal.aborted) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
    if (open) return port;
    await sleep(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
