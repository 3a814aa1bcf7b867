import type { AwsResource, ResourceRule, StackRule, Violation } from "./aws-resource.ts";
import { auditStoreLocked, completeBuckets, lockedBuckets, lockInCompliance } from "./buckets.ts";
import { backedUp, deletionProtected, protectedByPulumi } from "./deletion.ts";
import { encryptedAtRest, encryptedInTransit, keysRotate } from "./encryption.ts";
import { metadataService, narrowSecurityGroups, notPublic } from "./exposure.ts";
import { explicitProvider, namedPrincipals, narrowRights, noLastingCredentials } from "./identity.ts";
import { recordedNetworks } from "./network-records.ts";

export const resourceRules: readonly ResourceRule[] = [
  encryptedAtRest,
  encryptedInTransit,
  keysRotate,
  notPublic,
  narrowSecurityGroups,
  metadataService,
  deletionProtected,
  protectedByPulumi,
  backedUp,
  narrowRights,
  namedPrincipals,
  noLastingCredentials,
  explicitProvider,
  lockInCompliance,
];

export const stackRules: readonly StackRule[] = [
  completeBuckets,
  lockedBuckets,
  auditStoreLocked,
  recordedNetworks,
];

/** All that the rules have against a stack, each with the rule's name. */
export function checkAwsStack(resources: readonly AwsResource[]): readonly (Violation & { rule: string })[] {
  return [
    ...resourceRules.flatMap((rule) =>
      resources.flatMap((resource) =>
        rule.check(resource).map((message) => ({ rule: rule.name, urn: resource.urn, message })),
      ),
    ),
    ...stackRules.flatMap((rule) =>
      rule.check(resources).map((violation) => ({ rule: rule.name, ...violation })),
    ),
  ];
}
