import type { AdmissionPolicy } from "./admission-policy.ts";

/** The Gateway is the only way in: no Service opens another one, nor leads traffic out. */
export function servicePolicy(): AdmissionPolicy {
  return {
    name: "headgate-tenant-services",
    scope: "tenants",
    resources: [{ group: "", kinds: ["services"], operations: ["CREATE", "UPDATE"] }],
    rules: [
      {
        expression: 'object.spec.?type.orValue("ClusterIP") == "ClusterIP"',
        message: "Services must be of type ClusterIP.",
        messageExpression: `"Services must be of type ClusterIP, not " + object.spec.?type.orValue("")`,
      },
      {
        expression: "size(object.spec.?externalIPs.orValue([])) == 0",
        message: "Services must not claim external addresses.",
      },
    ],
  };
}
