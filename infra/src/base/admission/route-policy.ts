import { LABELS, SYSTEM_NAMESPACES } from "../../names.ts";
import type { BaseConfig } from "../base-config.ts";
import { GATEWAY } from "../gateway.ts";
import type { AdmissionPolicy } from "./admission-policy.ts";
import { labelOf, literal } from "./cel.ts";

/**
 * A route carries its own tenant's host name and no other, hangs on our Gateway, and leads to Services of its own
 * namespace. The name is taken from the namespace's label, which only the provisioner writes.
 */
export function routePolicy({ domain, gateway }: BaseConfig): AdmissionPolicy {
  const own = `${labelOf("namespaceObject", LABELS.tenantName)} + ${literal(`.${domain}`)}`;
  const rules: AdmissionPolicy["rules"] = [
    {
      expression: `${labelOf("namespaceObject", LABELS.role)} == "data-plane"`,
      message: "Agents have no routes.",
    },
    {
      expression: `size(object.spec.?hostnames.orValue([])) > 0 && object.spec.hostnames.all(host, host == ${own})`,
      message: "A route must have the host name of its own tenant and no other.",
      messageExpression: `"A route must have the host name of its own tenant and no other: " + ${own}`,
    },
    {
      expression: `object.spec.?parentRefs.orValue([]).all(parent, parent.name == ${literal(GATEWAY)} && parent.?namespace.orValue("") == ${literal(SYSTEM_NAMESPACES.gateway)} && parent.?kind.orValue("Gateway") == "Gateway")`,
      message: `A route must hang on the Gateway ${SYSTEM_NAMESPACES.gateway}/${GATEWAY}.`,
    },
    {
      expression:
        'object.spec.?rules.orValue([]).all(rule, rule.?backendRefs.orValue([]).all(backend, backend.?kind.orValue("Service") == "Service" && backend.?namespace.orValue(request.namespace) == request.namespace))',
      message: "A route must lead to Services of its own namespace.",
    },
  ];
  const reserved = gateway?.apiHostname ?? null;
  return {
    name: "headgate-tenant-routes",
    scope: "tenants",
    resources: [
      { group: "gateway.networking.k8s.io", kinds: ["httproutes"], operations: ["CREATE", "UPDATE"] },
    ],
    rules:
      reserved === null
        ? rules
        : [
            ...rules,
            {
              expression: `!(${literal(reserved)} in object.spec.?hostnames.orValue([]))`,
              message: `${reserved} belongs to the platform.`,
            },
          ],
  };
}
