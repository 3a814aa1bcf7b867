import { CLUSTER_JOIN_AUDIENCE } from "@headgate/sdk/contract";
import { AGENT_AUDIENCE, LABELS } from "../../names.ts";
import type { BaseConfig } from "../base-config.ts";
import type { AdmissionPolicy, Rule } from "./admission-policy.ts";
import { labelOf, list, literal } from "./cel.ts";

/** Who tokens of pods may be meant for: the control plane, and the tenant's own gateway. Never the API server. */
const AUDIENCES = [CLUSTER_JOIN_AUDIENCE, AGENT_AUDIENCE];

/**
 * What a pod in a namespace of a tenant or an agent may be. The same is asked of what makes pods, so that a refusal is
 * seen where somebody looks, and not in the events of a controller.
 */
export function podPolicies(config: BaseConfig): AdmissionPolicy[] {
  const write = ["CREATE", "UPDATE"] as const;
  return [
    {
      ...judgePods(config, "object.spec"),
      name: "headgate-tenant-pods",
      resources: [
        { group: "", kinds: ["pods"], operations: write },
        { group: "", kinds: ["pods/ephemeralcontainers"], operations: ["UPDATE"] },
      ],
    },
    {
      ...judgePods(config, "object.spec.template.spec"),
      name: "headgate-tenant-workloads",
      resources: [
        {
          group: "apps",
          kinds: ["deployments", "replicasets", "statefulsets", "daemonsets"],
          operations: write,
        },
        { group: "batch", kinds: ["jobs"], operations: write },
      ],
    },
    {
      ...judgePods(config, "object.spec.jobTemplate.spec.template.spec"),
      name: "headgate-tenant-cron-jobs",
      resources: [{ group: "batch", kinds: ["cronjobs"], operations: write }],
    },
  ];
}

function judgePods(
  { admission, runtimeClass }: BaseConfig,
  spec: string,
): Pick<AdmissionPolicy, "scope" | "variables" | "rules"> {
  const images = ["containers", "initContainers", "ephemeralContainers"].map(
    (kind) => `${spec}.?${kind}.orValue([]).map(container, container.?image.orValue(""))`,
  );
  const plan = labelOf("namespaceObject", LABELS.plan);
  const registries = admission.registries.map((registry) => `${registry.replace(/\/$/, "")}/`);
  return {
    scope: "tenants",
    variables: [
      { name: "images", expression: images.join(" + ") },
      {
        name: "badImages",
        expression: `variables.images.filter(image, !image.matches("@sha256:[0-9a-f]{64}$") || !${list(registries)}.exists(registry, image.startsWith(registry)))`,
      },
    ],
    rules: [
      {
        expression: "size(variables.badImages) == 0",
        message: "Images must be named by digest and come from an allowed registry.",
        messageExpression: `"Images must be named by digest and come from an allowed registry: " + variables.badImages.join(", ")`,
      },
      {
        expression: `${spec}.?priorityClassName.orValue("") == "headgate-" + ${plan}`,
        message: "The priority class must be that of the tenant's plan.",
      },
      {
        expression: `${spec}.?automountServiceAccountToken.orValue(true) == false`,
        message: "Pods must not mount a token for the API server (automountServiceAccountToken: false).",
      },
      {
        expression: `${spec}.?volumes.orValue([]).all(volume, volume.?projected.?sources.orValue([]).all(source, !has(source.serviceAccountToken) || source.serviceAccountToken.?audience.orValue("") in ${list(AUDIENCES)}))`,
        message: `Tokens of pods must be meant for one of: ${AUDIENCES.join(", ")}.`,
      },
      {
        expression: `${spec}.?volumes.orValue([]).all(volume, !has(volume.hostPath))`,
        message: "Pods must not mount paths of their host.",
      },
      runtimeClassRule(spec, runtimeClass),
    ],
  };
}

function runtimeClassRule(spec: string, runtimeClass: string | null): Rule {
  const unset = `!has(${spec}.runtimeClassName)`;
  return runtimeClass === null
    ? { expression: unset, message: "Pods must not name a runtime class." }
    : {
        expression: `${unset} || ${spec}.runtimeClassName == ${literal(runtimeClass)}`,
        message: `The only runtime class that pods may name is ${runtimeClass}.`,
      };
}
