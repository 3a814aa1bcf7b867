/** What a tenant's data plane is made of, in plain values. The Pulumi programs are in sub-exports: they load much more. */
export {
  LABELS,
  PROJECTS,
  priorityClass,
  SYSTEM_NAMESPACES,
} from "./names.ts";
export { PLAN_NAMES, PLANS, type Plan, type PlanNumbers, planNumbers, replicasAtOnce } from "./plans.ts";
export {
  TENANT_OUTPUTS_SCHEMA,
  type TenantOutputs,
  type TenantSpec,
  tenantOutputs,
  tenantSpec,
} from "./tenant/tenant-spec.ts";
