import { type Policies, PolicyPack, type PolicyResource, type ResourceValidationArgs } from "@pulumi/policy";
import type { AwsResource } from "./aws-resource.ts";
import { resourceRules, stackRules } from "./aws-rules.ts";

/** Offers the rules to the Pulumi CLI as the pack `headgate-aws`. Serves until the CLI is done. */
export function startAwsPolicyPack(): void {
  new PolicyPack("headgate-aws", { enforcementLevel: "mandatory", policies: awsPolicies() });
}

/** The rules in the form of `@pulumi/policy`. */
export function awsPolicies(): Policies {
  return [
    ...resourceRules.map(({ name, description, check }) => ({
      name,
      description,
      validateResource: (args: ResourceValidationArgs, report: (message: string) => void) => {
        for (const message of check(asResource(args, []))) report(message);
      },
    })),
    ...stackRules.map(({ name, description, check }) => ({
      name,
      description,
      validateStack: (
        { resources }: { resources: PolicyResource[] },
        report: (message: string, urn?: string) => void,
      ) => {
        const all = resources.map((resource) => asResource(resource, refsOf(resource)));
        for (const { message, urn } of check(all)) report(message, urn);
      },
    })),
  ];
}

type Described = Pick<ResourceValidationArgs, "urn" | "type" | "name" | "props" | "opts" | "provider">;

function asResource(
  { urn, type, name, props, opts, provider }: Described,
  refs: readonly string[],
): AwsResource {
  return { urn, type, name, props, protect: opts.protect, provider, refs };
}

function refsOf(resource: PolicyResource): readonly string[] {
  return Object.values(resource.propertyDependencies).flatMap((list) => list.map((other) => other.urn));
}
