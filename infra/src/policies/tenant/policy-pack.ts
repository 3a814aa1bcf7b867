import { PolicyPack, type PolicyResource, type ResourceValidationArgs } from "@pulumi/policy";
import { type KubernetesObject, readObject } from "./kubernetes-object.ts";
import { objectRules, stackRules } from "./tenant-rules.ts";

type Seen = Pick<ResourceValidationArgs, "urn" | "type" | "props" | "provider">;

/** Offers the rules to the Pulumi CLI as the pack `headgate-tenant`. Serves until the CLI is done. */
export function startTenantPolicyPack(): void {
  new PolicyPack("headgate-tenant", {
    enforcementLevel: "mandatory",
    policies: [
      ...objectRules.map(({ name, description, check }) => ({
        name,
        description,
        validateResource: (seen: ResourceValidationArgs, report: (message: string) => void) => {
          for (const message of objectsIn([seen]).flatMap(check)) report(message);
        },
      })),
      ...stackRules.map(({ name, description, check }) => ({
        name,
        description,
        validateStack: (
          { resources }: { resources: PolicyResource[] },
          report: (message: string) => void,
        ) => {
          for (const message of check(objectsIn(resources))) report(message);
        },
      })),
    ],
  });
}

function objectsIn(resources: readonly Seen[]): KubernetesObject[] {
  return resources
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ urn, props, provider }) => readObject(urn, props, provider?.name))
    .filter((object) => object !== undefined);
}
