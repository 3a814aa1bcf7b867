/** Names and labels that policies, quotas and identities refer to. They are fixed, and made of opaque ids only. */
import { DATA_PLANE_SERVICE_ACCOUNT } from "@headgate/sdk/contract";

/** Pulumi projects; a stack is named for what it holds. */
export const PROJECTS = {
  tenant: "headgate-tenant",
  base: "headgate-base",
  region: "headgate-region",
  platform: "headgate-platform",
} as const;

export const SYSTEM_NAMESPACES = {
  system: "headgate-system",
  gateway: "headgate-gateway",
  monitoring: "headgate-monitoring",
  data: "headgate-data",
} as const;

/** Also the names of the objects that run these. */
export const DATA_PLANE = DATA_PLANE_SERVICE_ACCOUNT;
export const COLLECTOR = "otel-collector";

export const TRAFFIC_PORT = 8_800;
export const ADMIN_PORT = 9_800;

/** Of every collector, the tenants' and the shared one. */
export const OTLP_GRPC_PORT = 4_317;
export const OTLP_HTTP_PORT = 4_318;
export const COLLECTOR_HEALTH_PORT = 13_133;

/** The audience of the tokens by which an agent that runs with us can show who it is. */
export const AGENT_AUDIENCE = "headgate:agent";

export const LABELS = {
  tenantId: "headgate.dev/tenant-id",
  dataPlaneId: "headgate.dev/data-plane-id",
  agentId: "headgate.dev/agent-id",
  /** Of a tenant's namespace only: the first label of its host name. */
  tenantName: "headgate.dev/tenant-name",
  plan: "headgate.dev/plan",
  region: "headgate.dev/region",
  /** What a namespace is for: `data-plane` or `agent`. */
  role: "headgate.dev/role",
} as const;

/** One class for each plan. */
export function priorityClass(plan: string): string {
  return `headgate-${plan}`;
}
