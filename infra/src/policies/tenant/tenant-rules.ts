import type { KubernetesObject, ObjectRule, StackRule } from "./kubernetes-object.ts";
import { explicitProvider, ownerLabels, ownNamespace } from "./ownership.ts";
import {
  boundedContainers,
  hardenedContainers,
  imagesByDigest,
  noApiToken,
  noHostAccess,
  noSecretsInEnvironment,
} from "./pods.ts";
import { closedNetwork, innerServices, noRights, quotas, restrictedNamespaces } from "./walls.ts";

export const objectRules: readonly ObjectRule[] = [
  ownerLabels,
  ownNamespace,
  explicitProvider,
  restrictedNamespaces,
  innerServices,
  noRights,
  noHostAccess,
  hardenedContainers,
  boundedContainers,
  imagesByDigest,
  noApiToken,
  noSecretsInEnvironment,
];

export const stackRules: readonly StackRule[] = [closedNetwork, quotas];

export interface Violation {
  readonly rule: string;
  /** `Kind/name`; undefined where the stack as a whole is at fault. */
  readonly object: string | undefined;
  readonly message: string;
}

/** All that the rules have against a stack. */
export function checkTenantStack(objects: readonly KubernetesObject[]): Violation[] {
  return [
    ...objects.flatMap((object) =>
      objectRules.flatMap(({ name, check }) =>
        check(object).map((message) => ({ rule: name, object: `${object.kind}/${object.name}`, message })),
      ),
    ),
    ...stackRules.flatMap(({ name, check }) =>
      check(objects).map((message) => ({ rule: name, object: undefined, message })),
    ),
  ];
}
