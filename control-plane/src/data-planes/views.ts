import { type Heartbeat, heartbeat, idOf, type SnapshotAck, snapshotAck } from "@headgate/sdk/contract";
import { z } from "zod";
import { count, unixMs, viewOf } from "../lib/view.ts";
import { regionName } from "./regions/region-name.ts";
import { DATA_PLANE_STATES, type DataPlaneRow } from "./status.ts";

const state = z.enum(DATA_PLANE_STATES);
const ack: z.ZodType<SnapshotAck> = snapshotAck;
const beat: z.ZodType<Heartbeat> = heartbeat;

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
  last_ack: ack.nullable(),
  last_heartbeat: beat.nullable(),
  last_heartbeat_at: unixMs.nullable(),
  joined_at: unixMs.nullable(),
  deletion_requested_at: unixMs.nullable(),
  created_at: unixMs,
});
const shown = viewOf(dataPlaneView);

export function viewOfDataPlane(row: DataPlaneRow, wantedRevision: number): z.infer<typeof dataPlaneView> {
  return shown({ ...row, state: state.parse(row.state), wanted_revision: wantedRevision });
}

/** A process that serves for a data plane. */
const replicaView = z.strictObject({
  id: idOf("replica"),
  /** Of the software. */
  version: z.string(),
  /** The newest version of the contract that it reads: it is written to in this one, or in an older one. */
  contract_version: z.int().positive(),
  applied_revision: count,
  joined_at: unixMs,
  last_heartbeat_at: unixMs.nullable(),
});
export const viewOfReplica = viewOf(replicaView);

/** With those of its replicas that are not forgotten. */
export const dataPlaneDetails = dataPlaneView.extend({ replicas: z.array(replicaView) });
