/** Rules for tenants' stacks, as plain functions and as a pack for the Pulumi CLI. */
export { type KubernetesObject, type ObjectRule, readObject, type StackRule } from "./kubernetes-object.ts";
export { startTenantPolicyPack } from "./policy-pack.ts";
export { checkTenantStack, objectRules, stackRules, type Violation } from "./tenant-rules.ts";
