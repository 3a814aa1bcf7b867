import type { Manifest } from "../../manifest.ts";
import type { BaseConfig } from "../base-config.ts";
import { accessPolicies } from "./access-policies.ts";
import { type AdmissionPolicy, admissionManifests } from "./admission-policy.ts";
import { guardrailPolicy } from "./guardrail-policy.ts";
import { namespacePolicy } from "./namespace-policy.ts";
import { podPolicies } from "./pod-policies.ts";
import { provisionerPolicy } from "./provisioner-policy.ts";
import { routePolicy } from "./route-policy.ts";
import { servicePolicy } from "./service-policy.ts";
import { storagePolicy } from "./storage-policy.ts";

/** All that the cluster itself refuses, whoever asks. */
export function admissionPolicies(config: BaseConfig): AdmissionPolicy[] {
  return [
    namespacePolicy(config),
    provisionerPolicy(config),
    ...podPolicies(config),
    servicePolicy(),
    ...accessPolicies(),
    storagePolicy(config),
    guardrailPolicy(config),
    ...(config.gateway === null ? [] : [routePolicy(config)]),
  ];
}

export function admissionPolicyManifests(config: BaseConfig): Manifest[] {
  return admissionPolicies(config).flatMap((policy) => admissionManifests(policy, config.region));
}
