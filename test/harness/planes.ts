/** The two planes as real processes, with their settings as arguments and ports from 0 unless told otherwise. */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type RunningProcess, startProcess } from "./process.ts";

export interface ControlPlaneOptions {
  /** Its keys, its operator's token and, without `databaseUrl`, its database. */
  readonly directory: string;
  readonly databaseUrl?: string;
  readonly port?: number;
  readonly metricsPort?: number;
  /** `local` starts data planes as children, `pulumi` provisions them on clusters, `none` leaves that to the caller. */
  readonly driver?: "local" | "none" | "pulumi";
  /** Further settings, by their names in the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly logs?: string;
}

export interface ControlPlaneProcess extends AsyncDisposable {
  readonly process: RunningProcess;
  readonly url: string;
  readonly operatorToken: string;
}

/** Starts the control plane; resolves when it listens. Disposing ends it in order (SIGTERM). */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlaneProcess> {
  const { directory, databaseUrl } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const process = startProcess({
    name: "control-plane",
    entry: "@headgate/control-plane/main",
    ...(options.logs === undefined ? {} : { logs: options.logs }),
    env: {
      HEADGATE_DATA_DIR: directory,
      HEADGATE_PORT: String(options.port ?? 0),
      HEADGATE_METRICS_PORT: String(options.metricsPort ?? 0),
      HEADGATE_DRIVER: options.driver ?? "none",
      HEADGATE_DATA_PLANE_ENTRY: createRequire(import.meta.url).resolve("@headgate/data-plane/main"),
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      ...options.env,
    },
  });
  const { url } = await process.event("listening");
  return {
    process,
    url: String(url),
    operatorToken:
      options.env?.["HEADGATE_OPERATOR_TOKEN"] ??
      readFileSync(join(directory, "operator-token"), "utf8").trim(),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

export interface DataPlaneOptions {
  readonly controlPlaneUrl: string;
  /** Its keys, last good snapshot and spool: what a restart finds again. */
  readonly stateDirectory: string;
  /** The directory is a volume that several share, each with a directory of its own in it. */
  readonly shared?: boolean;
  /** Only until it has joined. */
  readonly joinToken?: string;
  readonly port?: number;
  readonly adminPort?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly logs?: string;
}

export interface DataPlaneProcess extends AsyncDisposable {
  readonly process: RunningProcess;
  /** Where agents call. */
  readonly url: string;
  /** Health, readiness, metrics. */
  readonly adminUrl: string;
  /** The revision with which it became ready. */
  readonly ready: Promise<number>;
}

/** Starts a data plane; resolves when it listens, which may be before it is ready. */
export async function startDataPlane(options: DataPlaneOptions): Promise<DataPlaneProcess> {
  mkdirSync(options.stateDirectory, { recursive: true, mode: 0o700 });
  const process = startProcess({
    name: "data-plane",
    entry: "@headgate/data-plane/main",
    ...(options.logs === undefined ? {} : { logs: options.logs }),
    env: {
      HEADGATE_CONTROL_PLANE_URL: options.controlPlaneUrl,
      [options.shared === true ? "HEADGATE_SHARED_STATE_DIR" : "HEADGATE_STATE_DIR"]: options.stateDirectory,
      HEADGATE_PORT: String(options.port ?? 0),
      HEADGATE_ADMIN_PORT: String(options.adminPort ?? 0),
      ...(options.joinToken === undefined ? {} : { HEADGATE_JOIN_TOKEN: options.joinToken }),
      ...options.env,
    },
  });
  const { url, admin_url } = await process.event("listening");
  const ready = process.event("ready").then(({ revision }) => Number(revision));
  ready.catch(() => undefined);
  return {
    process,
    url: String(url),
    adminUrl: String(admin_url),
    ready,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
