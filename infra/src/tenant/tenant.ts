/** A tenant as its objects see it: its specification, with what follows from its plan and from its cluster. */
import { tenantNamespace } from "@headgate/sdk/contract";
import { COLLECTOR, DATA_PLANE, OTLP_HTTP_PORT, TRAFFIC_PORT } from "../names.ts";
import { type CollectorNumbers, type PlanNumbers, planNumbers } from "../plans.ts";
import type { TenantSpec } from "./tenant-spec.ts";

export interface Tenant {
  readonly spec: TenantSpec;
  readonly namespace: string;
  readonly numbers: PlanNumbers;
  /** The plan's, or `node` where the cluster has no volumes that many pods may write. */
  readonly spool: "node" | "persistent";
  /** The tenant's own collector; null where its plan has none or the cluster names no place to export to. */
  readonly collector: (CollectorNumbers & { readonly exporterEndpoint: string }) | null;
  /** OTLP over HTTP; null: no traces are sent. */
  readonly tracesEndpoint: string | null;
  /** Where agents in the cluster call. */
  readonly serviceHost: string;
  /** Where agents outside call; null where the cluster has no Gateway. */
  readonly hostname: string | null;
}

/** `numbers` are the plan's, unless given. Throws a TypeError where the tenant's id is none. */
export function describeTenant(spec: TenantSpec, numbers: PlanNumbers = planNumbers(spec.plan)): Tenant {
  const namespace = tenantNamespace(spec.tenantId);
  const { cluster } = spec;
  const { exporterEndpoint } = cluster.collector;
  const collector =
    numbers.collector !== null && exporterEndpoint !== null
      ? { ...numbers.collector, exporterEndpoint }
      : null;
  return {
    spec,
    namespace,
    numbers,
    spool: cluster.storage.persistentClass === null ? "node" : numbers.spool,
    collector,
    tracesEndpoint:
      collector === null
        ? cluster.collector.endpoint
        : `http://${COLLECTOR}.${namespace}.svc:${OTLP_HTTP_PORT}`,
    serviceHost: `${DATA_PLANE}.${namespace}.svc`,
    hostname: cluster.gateway === null ? null : `${spec.tenantName}.${cluster.domain}`,
  };
}

export function serviceUrl(tenant: Tenant): string {
  return `http://${tenant.serviceHost}:${TRAFFIC_PORT}`;
}

export function endpointUrl(tenant: Tenant): string {
  return tenant.hostname === null ? serviceUrl(tenant) : `https://${tenant.hostname}`;
}
