import { LABELS } from "../../names.ts";
import type { BaseConfig } from "../base-config.ts";
import type { AdmissionPolicy } from "./admission-policy.ts";
import { isNamedAsOurs, labelOf, list } from "./cel.ts";

/**
 * Keeps the provisioner inside the namespaces of tenants and agents, whatever its role would let it write elsewhere.
 * Which labels those namespaces must have is up to the policy about namespaces.
 */
export function provisionerPolicy({ admission }: BaseConfig): AdmissionPolicy {
  return {
    name: "headgate-provisioner",
    scope: "cluster",
    resources: [{ group: "*", kinds: ["*/*"], operations: ["*"] }],
    // Questions about one's own rights are asked by creating objects that nobody keeps.
    exceptGroups: ["authentication.k8s.io", "authorization.k8s.io"],
    conditions: [
      {
        name: "by-the-provisioner",
        expression: `request.userInfo.username in ${list(admission.provisioners)}`,
      },
    ],
    variables: [
      {
        name: "isNamespace",
        expression: 'request.resource.group == "" && request.resource.resource == "namespaces"',
      },
      {
        name: "subject",
        expression: "object == null ? oldObject : object",
      },
    ],
    rules: [
      {
        expression: `!variables.isNamespace || (${isNamedAsOurs("variables.subject")} && ${labelOf("variables.subject", LABELS.tenantId)} != "")`,
        message: "The provisioner makes, changes and deletes namespaces of tenants and agents only.",
      },
      {
        expression: `variables.isNamespace || (namespaceObject != null && ${labelOf("namespaceObject", LABELS.tenantId)} != "")`,
        message: "The provisioner works inside the namespaces of tenants and agents only.",
      },
    ],
  };
}
