import { type Heartbeat, idOf, type SnapshotAck } from "@headgate/sdk/contract";
import { z } from "zod";
import { contractDocument, unixMs, viewOf } from "../lib/view.ts";
import { regionName } from "./regions/region-name.ts";
import { DATA_PLANE_STATES, type DataPlaneRow } from "./status.ts";

const count = z.number().int().nonnegative();
const state = z.enum(DATA_PLANE_STATES);

export const dataPlaneView = z.strictObject({
  id: idOf("dataPlane"),
  tenant_id: idOf("tenant"),
  region: regionName,
  driver: z.string(),
  generation: count,
  observed_generation: count,
  state,
  conditions: z.array(
    z.strictObject({
      type: z.string(),
      status: z.enum(["true", "false", "unknown"]),
      reason: z.string(),
      message: z.string(),
      observed_generation: count,
      last_transition: unixMs,
    }),
  ),
  endpoint_url: z.string().nullable(),
  /** The tenant's newest. */
  wanted_revision: count,
  /** The lowest that any live replica serves by. */
  applied_revision: count,
  last_ack: contractDocument<SnapshotAck>().nullable(),
  last_heartbeat: contractDocument<Heartbeat>().nullable(),
  last_heartbeat_at: unixMs.nullable(),
  joined_at: unixMs.nullable(),
  deletion_requested_at: unixMs.nullable(),
  created_at: unixMs,
});
const shown = viewOf(dataPlaneView);

export function viewOfDataPlane(row: DataPlaneRow, wantedRevision: number): z.infer<typeof dataPlaneView> {
  return shown({ ...row, state: state.parse(row.state), wanted_revision: wantedRevision });
}
