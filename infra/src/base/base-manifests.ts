import type { Input } from "@pulumi/pulumi";
import type { Manifest } from "../manifest.ts";
import { admissionPolicyManifests } from "./admission/admission-policies.ts";
import type { BaseConfig } from "./base-config.ts";
import { collectorManifests } from "./collector.ts";
import { gatewayManifests } from "./gateway.ts";
import { monitoringManifests } from "./monitoring.ts";
import { priorityClasses } from "./priority-classes.ts";
import { provisionerRole } from "./provisioner-role.ts";
import { systemNamespaces } from "./system-namespaces.ts";
import { systemNetworkPolicies } from "./system-network-policies.ts";
import { valkeyManifests } from "./valkey.ts";

/** Values that the state of the stack must keep secret. */
export interface BaseSecrets {
  /** Used only where the configuration has Valkey. */
  readonly valkeyPassword: Input<string>;
}

/**
 * Everything of a cluster that its tenants share, in the order of its making: walls are up before anything runs behind
 * them, and the promises about tenants are kept before there is a tenant.
 */
export function baseManifests(config: BaseConfig, { valkeyPassword }: BaseSecrets): Manifest[] {
  return [
    ...systemNamespaces(config),
    ...priorityClasses(config),
    ...systemNetworkPolicies(config),
    ...admissionPolicyManifests(config),
    ...provisionerRole(config),
    ...gatewayManifests(config),
    ...collectorManifests(config),
    ...valkeyManifests(config, valkeyPassword),
    ...monitoringManifests(config),
  ];
}
