import type { AdmissionPolicy } from "./admission-policy.ts";

const WRITE = ["CREATE", "UPDATE"] as const;

/** Nothing in a tenant's namespace gets rights on the API server, nor a token that would carry them. */
export function accessPolicies(): AdmissionPolicy[] {
  return [
    {
      name: "headgate-tenant-role-bindings",
      scope: "tenants",
      resources: [{ group: "rbac.authorization.k8s.io", kinds: ["rolebindings"], operations: WRITE }],
      rules: [
        {
          expression: 'object.roleRef.kind == "Role"',
          message: "Roles of the cluster are not bound in a tenant's namespace.",
        },
        {
          expression:
            'object.?subjects.orValue([]).all(subject, subject.kind == "ServiceAccount" && subject.?namespace.orValue("") == request.namespace)',
          message: "Roles are bound to ServiceAccounts of the same namespace only.",
        },
      ],
    },
    {
      name: "headgate-tenant-service-accounts",
      scope: "tenants",
      resources: [{ group: "", kinds: ["serviceaccounts"], operations: WRITE }],
      rules: [
        {
          // Kubernetes makes the account `default` itself; pods say for themselves that they mount no token.
          expression:
            'object.metadata.name == "default" || object.?automountServiceAccountToken.orValue(true) == false',
          message: "A ServiceAccount must not mount tokens by itself (automountServiceAccountToken: false).",
        },
      ],
    },
    {
      name: "headgate-tenant-secrets",
      scope: "tenants",
      resources: [{ group: "", kinds: ["secrets"], operations: WRITE }],
      rules: [
        {
          expression: 'object.?type.orValue("Opaque") != "kubernetes.io/service-account-token"',
          message: "Tokens without an end are not made for a tenant's ServiceAccounts.",
        },
      ],
    },
  ];
}
