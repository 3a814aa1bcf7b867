/**
 * The processes behind `npm start` and `npm run demo`: a simulated provider and an embedded control plane, which
 * starts the data planes by itself.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startControlPlane } from "../harness/planes.ts";
import { type RunningProcess, startProcess } from "../harness/process.ts";
import type { LedgerEntry } from "../harness/simulated-provider.ts";
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

export async function startProvider(options: PlatformOptions): Promise<RunningProcess> {
  const provider = startProcess({
    name: "simulated-provider",
    entry: fileURLToPath(new URL(import.meta.resolve("../harness/simulated-provider-main.js"))),
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
      // The driver writes down who it has started; nobody else knows the process.
      const [record] = globSync(`**/${id}/process.json`, { cwd: directory });
      if (record === undefined) throw new Trouble(`the process of data plane ${id} is not known`);
      const { pid } = JSON.parse(readFileSync(join(directory, record), "utf8")) as { readonly pid: number };
      process.kill(pid, "SIGKILL");
    },
    [Symbol.asyncDispose]: async () => {
      await controlPlane[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}
