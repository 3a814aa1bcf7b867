import type { PlatformTx } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";
import { findRegion } from "./repository.ts";

/**
 * For a new data plane. With the driver `pulumi` its region must be one that the platform has; any driver keeps out of
 * a region that takes no new ones. Faults: `api.invalid_input`, `api.conflict`.
 */
export async function requireOpenRegion(
  tx: PlatformTx,
  { region, driver }: { region: string; driver: string },
): Promise<void> {
  const row = await findRegion(tx, region);
  if (row === undefined && driver === "pulumi")
    throw new Fault("api.invalid_input", { parameter: "region", detail: "The platform has no such region." });
  if (row?.cordoned === true)
    throw new Fault("api.conflict", { parameter: "region", detail: "The region takes no new data planes." });
}
