/** What one pod of each kind asks for, and how many of them there may be: the quota and the workloads both ask here. */
import { PLANS, type PlanNumbers, replicasWithDraining } from "../plans.ts";
import type { Tenant } from "./tenant.ts";

const MIB = 1024 * 1024;
const TEMPORARY_MIB = 64;
/** What the node keeps of the container's output. */
const OUTPUT_MIB = 64;

export interface PodSize {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  /** On the node: volumes of the pod, temporary files and the container's output. */
  readonly diskMib: number;
  /** For the volume that is named for it. */
  readonly volumesMib: { readonly temporary: number; readonly state: number };
}

export function replicaSize({ numbers, spool }: Tenant): PodSize {
  const { cpuMillicores, memoryMib, spoolBytesMax } = numbers.replica;
  const state = stateMib(spoolBytesMax);
  const volumesMib = { temporary: TEMPORARY_MIB, state };
  const diskMib = TEMPORARY_MIB + OUTPUT_MIB + (spool === "node" ? state : 0);
  return { cpuMillicores, memoryMib, diskMib, volumesMib };
}

export function collectorSize({
  cpuMillicores,
  memoryMib,
  queueBytesMax,
}: NonNullable<Tenant["collector"]>): PodSize {
  const state = stateMib(queueBytesMax);
  const volumesMib = { temporary: 0, state };
  return { cpuMillicores, memoryMib, diskMib: OUTPUT_MIB + state, volumesMib };
}

/** All pods that may be there at one moment, of the largest scale, in the middle of an update. */
export function podsAtMost(tenant: Tenant): { readonly count: number; readonly size: PodSize }[] {
  const { numbers, collector } = tenant;
  const replicas = { count: replicasWithDraining(numbers), size: replicaSize(tenant) };
  return collector === null
    ? [replicas]
    : [replicas, { count: collector.replicas + COLLECTOR_SURGE, size: collectorSize(collector) }];
}

/** Replicas of a collector beyond its number, while it is updated. */
export const COLLECTOR_SURGE = 1;

/**
 * The size of the volume that all replicas of a tenant share. It is the largest plan's whatever the tenant's is: a tenant
 * may go to a smaller plan, and a volume cannot be made smaller.
 */
export const STATE_VOLUME_MIB = Math.max(
  ...Object.values<PlanNumbers>(PLANS).map(
    (numbers) => replicasWithDraining(numbers) * stateMib(numbers.replica.spoolBytesMax),
  ),
);

/** A pod that outgrows its volume is evicted, and what is on it is lost: there is room beyond the bound of its content. */
function stateMib(contentBytes: number): number {
  return Math.ceil((contentBytes * 1.25) / MIB) + 64;
}
