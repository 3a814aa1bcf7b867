import { createIdFactory } from "@headgate/sdk/contract";
import { agentNamespaceManifests } from "../../agent-namespace/manifests.ts";
import type { Plan } from "../../plans.ts";
import { tenantManifests } from "../../tenant/manifests.ts";
import { describeTenant } from "../../tenant/tenant.ts";
import { makeTenantSpec } from "../../testing/make-tenant-spec.ts";

const id = createIdFactory({ now: () => 1_800_000_000_000, random: (bytes) => bytes.fill(7) });

interface Identified {
  readonly apiVersion: string;
  readonly kind: string;
}

export function makeTenantManifests(plan: Plan): Identified[] {
  return tenantManifests(describeTenant(makeTenantSpec({ plan })));
}

export function makeAgentManifests(plan: Plan): Identified[] {
  const { cluster, tenantId } = makeTenantSpec();
  const parts = agentNamespaceManifests({ agentId: id("agent"), tenantId, plan, cluster });
  return Object.values(parts).flat();
}
