import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type ProcessId, processId } from "./process-table.ts";
import { assertOpen, note } from "./record.ts";

export interface ComponentOptions {
  readonly dir: string;
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

export interface Component {
  readonly name: string;
  readonly id: ProcessId;
  /** Throws with the last lines of its log when it has ended. */
  assertAlive(): void;
}

/** Starts a part of the node in a session of its own: Ctrl-C reaches us alone, and we end it. */
export function startComponent({ dir, name, program, args }: ComponentOptions): Component {
  assertOpen();
  mkdirSync(join(dir, "logs"), { recursive: true });
  const log = openSync(logFile(dir, name), "a");
  const child = spawn(program, args, { detached: true, stdio: ["ignore", log, log], cwd: dir });
  closeSync(log);
  let ended: string | null = null;
  child.once("error", (error) => {
    ended = error.message;
  });
  child.once("exit", (code, signal) => {
    ended = `ended with ${signal ?? code}`;
  });
  child.unref();
  const id = child.pid === undefined ? null : processId(child.pid);
  if (id === null) throw new Error(`${name} could not be started: ${ended ?? program}`);
  note({ kind: "process", name, id });
  return {
    name,
    id,
    assertAlive: () => {
      if (ended !== null) throw new Error(`${name} ${ended}. Its last lines:\n${tail(dir, name)}`);
    },
  };
}

export function logFile(dir: string, name: string): string {
  return join(dir, "logs", `${name}.log`);
}

function tail(dir: string, name: string): string {
  return readFileSync(logFile(dir, name), "utf8").trimEnd().split("\n").slice(-20).join("\n");
}

/** Ports nobody listens on, all different. */
export async function freePorts(count: number, host: string): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once("error", reject);
          server.listen(0, host, () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
