import type { types } from "@pulumi/kubernetes";
import type { Manifest } from "../../manifest.ts";
import { LABELS } from "../../names.ts";
import { objectLabels } from "../kubernetes/object-labels.ts";

type Spec = types.input.admissionregistration.v1.ValidatingAdmissionPolicySpec;

/** A promise about the objects of tenants, kept by the API server itself: a rule in CEL for each thing promised. */
export interface AdmissionPolicy {
  readonly name: string;
  /** Which requests it judges. */
  readonly resources: readonly Resources[];
  readonly exceptGroups?: readonly string[];
  /** All must be true for it to judge a request; without any, it judges every one of those resources. */
  readonly conditions?: readonly { readonly name: string; readonly expression: string }[];
  /** Named values that the rules use as `variables.<name>`; later ones may use earlier ones. */
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  readonly rules: readonly Rule[];
  /** `tenants`: only in namespaces that carry a tenant's label. `cluster`: wherever the conditions say. */
  readonly scope: "tenants" | "cluster";
}

interface Resources {
  readonly group: string;
  readonly kinds: readonly string[];
  readonly operations: readonly ("CREATE" | "UPDATE" | "DELETE" | "*")[];
}

export interface Rule {
  /** True for what may pass. */
  readonly expression: string;
  /** What is wrong when it is not true, for whoever is refused. */
  readonly message: string;
  /** The message as CEL, where it names the culprit. */
  readonly messageExpression?: string;
}

/** The policy and its binding. What cannot be judged is refused. */
export function admissionManifests(policy: AdmissionPolicy, region: string): Manifest[] {
  const metadata = { name: policy.name, labels: objectLabels("admission", region) };
  const spec: Spec = {
    failurePolicy: "Fail",
    matchConstraints: {
      matchPolicy: "Equivalent",
      resourceRules: policy.resources.map(({ group, kinds, operations }) => ({
        apiGroups: [group],
        apiVersions: ["*"],
        operations: [...operations],
        resources: [...kinds],
      })),
      ...(policy.exceptGroups === undefined
        ? {}
        : {
            excludeResourceRules: [
              {
                apiGroups: [...policy.exceptGroups],
                apiVersions: ["*"],
                operations: ["*"],
                resources: ["*"],
              },
            ],
          }),
    },
    ...(policy.conditions === undefined ? {} : { matchConditions: [...policy.conditions] }),
    ...(policy.variables === undefined ? {} : { variables: [...policy.variables] }),
    validations: policy.rules.map((rule) => ({ ...rule, reason: "Forbidden" })),
  };
  return [
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata,
      spec,
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: {
        policyName: policy.name,
        validationActions: ["Deny"],
        ...(policy.scope === "cluster"
          ? {}
          : {
              matchResources: {
                namespaceSelector: { matchExpressions: [{ key: LABELS.tenantId, operator: "Exists" }] },
              },
            }),
      } satisfies types.input.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec,
    },
  ];
}
