import { ID_PREFIXES, NAMESPACE_PREFIXES, UNIQUE_PART } from "@headgate/sdk/contract";
import { LABELS } from "../../names.ts";
import type { BaseConfig } from "../base-config.ts";
import type { AdmissionPolicy } from "./admission-policy.ts";
import { isNamedAsOurs, isTrusted, literal } from "./cel.ts";

const LABELS_OF = (object: string) => `${object}.metadata.?labels.orValue({})`;
const hasOurLabel = (object: string) =>
  [LABELS.tenantId, LABELS.agentId, LABELS.role]
    .map((label) => `${literal(label)} in ${LABELS_OF(object)}`)
    .join(" || ");
const NEW = (label: string) => `variables.labels[?${literal(label)}].orValue("")`;
const OLD = (label: string) => `variables.oldLabels[?${literal(label)}].orValue("")`;
const isNamedFor = (kind: keyof typeof NAMESPACE_PREFIXES, label: string) => {
  const prefix = NAMESPACE_PREFIXES[kind];
  return `variables.name.matches("^${prefix}${UNIQUE_PART}$") && ${NEW(label)} == "${ID_PREFIXES[kind]}_" + variables.name.substring(${prefix.length})`;
};

/**
 * Namespaces of tenants and agents: only the provisioner makes them, labels them and takes them away; the name and the
 * labels say the same; the Pod Security Standard stays on and pinned; no namespace ever passes to another tenant.
 */
export function namespacePolicy({ admission, kubernetesVersion }: BaseConfig): AdmissionPolicy {
  const podSecurity = "pod-security.kubernetes.io";
  return {
    name: "headgate-tenant-namespaces",
    scope: "cluster",
    resources: [
      {
        group: "",
        kinds: ["namespaces", "namespaces/status", "namespaces/finalize"],
        operations: ["CREATE", "UPDATE", "DELETE"],
      },
    ],
    // Of the old object too: what takes the label off must be judged as well.
    conditions: [
      {
        name: "named-or-labelled-as-ours",
        expression: [
          `(object != null && (${isNamedAsOurs("object")} || ${hasOurLabel("object")}))`,
          `(oldObject != null && (${isNamedAsOurs("oldObject")} || ${hasOurLabel("oldObject")}))`,
        ].join(" || "),
      },
    ],
    variables: [
      { name: "trusted", expression: isTrusted(admission) },
      { name: "name", expression: "object == null ? oldObject.metadata.name : object.metadata.name" },
      { name: "labels", expression: `object == null ? {} : ${LABELS_OF("object")}` },
      { name: "oldLabels", expression: `oldObject == null ? {} : ${LABELS_OF("oldObject")}` },
      {
        name: "sameLabels",
        expression:
          'request.operation == "DELETE" || (request.operation == "UPDATE" && variables.labels == variables.oldLabels)',
      },
    ],
    rules: [
      {
        expression: 'variables.trusted || (request.operation == "UPDATE" && variables.sameLabels)',
        message: "Only the provisioner makes, labels and deletes the namespaces of tenants and agents.",
      },
      {
        expression: [
          "variables.sameLabels",
          `(${isNamedFor("tenant", LABELS.tenantId)} && ${NEW(LABELS.role)} == "data-plane")`,
          `(${isNamedFor("agent", LABELS.agentId)} && ${NEW(LABELS.role)} == "agent" && ${NEW(LABELS.tenantId)}.matches("^${ID_PREFIXES.tenant}_${UNIQUE_PART}$"))`,
        ].join(" || "),
        message: "The namespace's name must be made of the id of the tenant or agent that its labels name.",
      },
      {
        expression: `request.operation != "UPDATE" || ${OLD(LABELS.tenantId)} == "" || ${NEW(LABELS.tenantId)} == ${OLD(LABELS.tenantId)}`,
        message: "A namespace never passes from its tenant to another.",
      },
      {
        expression: `variables.sameLabels || (${NEW(`${podSecurity}/enforce`)} == "restricted" && ${NEW(`${podSecurity}/enforce-version`)} == ${literal(`v${kubernetesVersion}`)})`,
        message: `The namespace must enforce the restricted Pod Security Standard, pinned to v${kubernetesVersion}.`,
      },
      {
        expression: `variables.sameLabels || ${NEW(LABELS.plan)} in ["starter", "team", "enterprise"]`,
        message: "The namespace must name its tenant's plan.",
      },
      {
        // It becomes a part of a host name, and a rename changes it in place: what it may be is up to the provisioner.
        expression: `variables.sameLabels || (${NEW(LABELS.role)} == "data-plane" ? ${NEW(LABELS.tenantName)}.matches("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$") : ${NEW(LABELS.tenantName)} == "")`,
        message: "The namespace of a data plane must carry its tenant's name, and no other may.",
      },
    ],
  };
}
