import { join } from "node:path";
import type { PlanNumbers } from "@headgate/infra";

export interface ChildCommand {
  file: string;
  args: string[];
  env: Record<string, string>;
}

export interface ChildSettings {
  /** The data plane's main module. */
  readonly entry: string;
  readonly controlPlaneUrl: string;
  /** `PATH`, `HOME` and `OTEL_*` of it reach the children, and nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where a data plane keeps what must survive it. */
export const stateDirectory = (directory: string) => join(directory, "state");
export const tokenFile = (directory: string) => join(directory, "join-token");

/**
 * How a data plane is started, but for its ports. The child's whole environment is made here: a name that is not
 * listed does not reach it, so the control plane's own secrets cannot.
 */
export function childCommand(
  directory: string,
  { replica }: PlanNumbers,
  options: ChildSettings,
): ChildCommand {
  const passed = Object.entries(options.environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (entry[0] === "PATH" || entry[0] === "HOME" || entry[0].startsWith("OTEL_")),
  );
  return {
    file: process.execPath,
    args: [`--max-old-space-size=${replica.heapMib}`, options.entry],
    env: {
      ...Object.fromEntries(passed),
      HEADGATE_CONTROL_PLANE_URL: options.controlPlaneUrl,
      HEADGATE_JOIN_TOKEN_FILE: tokenFile(directory),
      HEADGATE_STATE_DIR: stateDirectory(directory),
      HEADGATE_HOST: "127.0.0.1",
      HEADGATE_SPOOL_BYTES_MAX: String(replica.spoolBytesMax),
      HEADGATE_DRAIN_SECONDS: String(replica.drainSeconds),
    },
  };
}
