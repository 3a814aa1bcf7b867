/**
 * The processes behind `npm start` and `npm run demo`: a simulated provider and an embedded control plane, which
 * starts the data planes by itself.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LedgerEntry } from "../doubles/provider/simulated-provider.ts";
import { startControlPlane } from "../harness/planes.ts";
import { type RunningProcess, startProcess } from "../harness/process.ts";
import { until } from "../harness/until.ts";
import { Trouble } from "./narrator.ts";

export interface Platform extends AsyncDisposable {
  readonly providerUrl: string;
  readonly controlPlaneUrl: string;
  readonly operatorToken: string;
  /** What the provider has written down by now. */
  providerLedger(): Promise<readonly LedgerEntry[]>;
  /** SIGKILL; resolves when it is gone. */
  killControlPlane(): Promise<void>;
  /** Starts it again on the same port, over the same data. */
  startControlPlane(): Promise<void>;
  /** SIGKILL to the process of a data plane. */
  killDataPlane(dataPlaneId: string): void;
}

export interface PlatformOptions {
  /** Holds all state. */
  readonly directory: string;
  readonly ports: { readonly controlPlane: number; readonly metrics: number; readonly provider: number };
  /** Which credential belongs to which organisation at the provider. */
  readonly credentials: Readonly<Record<string, string>>;
}

const DATA_PLANE_MAIN = createRequire(import.meta.url).resolve("@headgate/data-plane/main");

export async function startProvider(options: PlatformOptions): Promise<RunningProcess> {
  const provider = startProcess({
    name: "simulated-provider",
    entry: fileURLToPath(new URL(import.meta.resolve("../doubles/provider/main.js"))),
    logs: join(options.directory, "logs"),
    env: {
      SIMULATED_PROVIDER_PORT: String(options.ports.provider),
      SIMULATED_PROVIDER_CREDENTIALS: JSON.stringify(options.credentials),
    },
  });
  await provider.event("listening");
  return provider;
}

export async function startPlatform(options: PlatformOptions, provider: RunningProcess): Promise<Platform> {
  const directory = join(options.directory, "control-plane");
  const start = async () => {
    try {
      return await startControlPlane({
        directory,
        port: options.ports.controlPlane,
        metricsPort: options.ports.metrics,
        driver: "local",
        logs: join(options.directory, "logs"),
      });
    } catch (error) {
      throw new Trouble(error instanceof Error ? error.message : "the control plane did not start");
    }
  };
  const providerUrl = String((await provider.event("listening"))["url"]);
  let controlPlane = await start();

  return {
    providerUrl,
    controlPlaneUrl: controlPlane.url,
    operatorToken: controlPlane.operatorToken,
    providerLedger: async () => {
      const answer = await fetch(`${providerUrl}/__ledger`);
      return ((await answer.json()) as { readonly calls: readonly LedgerEntry[] }).calls;
    },
    killControlPlane: async () => {
      await controlPlane.process.kill("SIGKILL");
    },
    startControlPlane: async () => {
      controlPlane = await start();
    },
    killDataPlane: (id) => {
      const pid = dataPlaneProcesses(directory).get(id);
      if (pid === undefined) throw new Trouble(`the process of data plane ${id} is not known`);
      process.kill(pid, "SIGKILL");
    },
    [Symbol.asyncDispose]: async () => {
      await controlPlane[Symbol.asyncDispose]();
      await endLeftovers(directory);
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** The driver writes down whom it has started: data plane's id to process id, of those that run. */
function dataPlaneProcesses(directory: string): Map<string, number> {
  const running = new Map<string, number>();
  for (const file of globSync("**/dpl_*/process.json", { cwd: directory })) {
    const { pid } = JSON.parse(readFileSync(join(directory, file), "utf8")) as { readonly pid: number };
    // Another process may have inherited the number.
    if (commandOf(pid).includes(DATA_PLANE_MAIN)) running.set(basename(dirname(file)), pid);
  }
  return running;
}

function commandOf(pid: number): string {
  if (process.platform !== "linux") {
    return spawnSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" }).stdout;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** A control plane that ends before it has found the data planes of its killed predecessor again leaves them running. */
async function endLeftovers(directory: string): Promise<void> {
  for (const pid of dataPlaneProcesses(directory).values()) process.kill(pid, "SIGTERM");
  await until(
    { what: "the data planes have ended", seconds: 10 },
    () => dataPlaneProcesses(directory).size === 0,
  );
}
