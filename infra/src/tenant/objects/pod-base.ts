import { POD_SECURITY } from "../../pod-security.ts";
import { mebibytes, millicores } from "../../quantity.ts";
import type { PodSize } from "../pod-sizes.ts";
import type { Tenant } from "../tenant.ts";

/** What all pods of a tenant have in common. */
export function podBase({ spec }: Tenant) {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: POD_SECURITY,
    ...(spec.cluster.userNamespaces && { hostUsers: false }),
  };
}

/** CPU has no limit, so that bursts are not cut; memory and disk have what they ask for, neither less nor more. */
export function resources({ cpuMillicores, memoryMib, diskMib }: PodSize) {
  const bounded = { memory: mebibytes(memoryMib), "ephemeral-storage": mebibytes(diskMib) };
  return { requests: { cpu: millicores(cpuMillicores), ...bounded }, limits: bounded };
}
