import type { BaseConfig } from "../base-config.ts";
import type { AdmissionPolicy } from "./admission-policy.ts";
import { isTrusted } from "./cel.ts";

/**
 * The walls of a tenant's namespace. NetworkPolicies add up, so one more of them is a hole as much as one less: nobody
 * but the provisioner touches them. They end with their namespace.
 */
export function guardrailPolicy({ admission }: BaseConfig): AdmissionPolicy {
  const all = ["CREATE", "UPDATE", "DELETE"] as const;
  return {
    name: "headgate-tenant-guardrails",
    scope: "tenants",
    resources: [
      { group: "networking.k8s.io", kinds: ["networkpolicies"], operations: all },
      { group: "", kinds: ["resourcequotas", "limitranges"], operations: all },
    ],
    rules: [
      {
        expression: `${isTrusted(admission)} || (request.operation == "DELETE" && has(namespaceObject.metadata.deletionTimestamp))`,
        message: "Only the provisioner changes the network policies, quotas and limit ranges of a tenant.",
      },
    ],
  };
}
