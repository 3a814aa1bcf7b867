/** The driver whose data planes are processes of this machine, as it is configured. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Refusal } from "../lib/refusal.ts";
import { createLocalDriver } from "../provisioning/local/local-driver.ts";
import type { Provisioner } from "../provisioning/provisioner.ts";
import type { DriverEvents, WorkerOptions } from "./worker-options.ts";

/** Throws a `Refusal` where there is no data plane to run. */
export async function openLocalDriver(
  options: WorkerOptions,
  { wake, onRestart }: DriverEvents,
): Promise<Provisioner> {
  const { clock, logger } = options.services;
  return createLocalDriver({
    directory: resolve(options.dataDirectory, "data-planes"),
    entry: await findEntry(options.dataPlaneEntry),
    controlPlaneUrl: options.controlPlaneUrl,
    environment: options.environment,
    clock,
    onEvent(id, event, detail) {
      logger.info({ data_plane_id: id, event, detail }, "data plane's process");
      if (event === "ended" || event === "failed") onRestart();
      wake(id);
    },
  });
}

/** The built data plane beside this package in the workspace. */
const WORKSPACE_ENTRY = fileURLToPath(new URL("../../../data-plane/dist/main.js", import.meta.url));

async function findEntry(configured: string | undefined): Promise<string> {
  const entry = configured === undefined ? WORKSPACE_ENTRY : resolve(configured);
  const found = await stat(entry).catch(() => undefined);
  if (found?.isFile()) return entry;
  throw new Refusal(
    configured === undefined
      ? "HEADGATE_DATA_PLANE_ENTRY is not set, and there is no built data plane beside the control plane. Set it to the data plane's main.js, or set HEADGATE_DRIVER=none."
      : `HEADGATE_DATA_PLANE_ENTRY names a file that does not exist: ${configured}`,
  );
}
