/** Pieces of CEL. Values are put into an expression by `literal` and `list` only. */
import { NAMESPACE_PATTERN } from "@headgate/sdk/contract";
import type { BaseConfig } from "../base-config.ts";

/** A text, as CEL writes it: JSON's form of a string is one of CEL's. */
export function literal(text: string): string {
  return JSON.stringify(text);
}

export function list(texts: readonly string[]): string {
  return `[${texts.map(literal).join(", ")}]`;
}

/** A label of an object, or nothing. */
export function labelOf(object: string, label: string): string {
  return `${object}.metadata.?labels[?${literal(label)}].orValue("")`;
}

/** Whether the object, a namespace, is named as those of tenants and agents are. */
export function isNamedAsOurs(object: string): string {
  return `${object}.metadata.name.matches(${literal(NAMESPACE_PATTERN)})`;
}

/** Whether the request comes from the provisioner, or from a person who may do the same. */
export function isTrusted({ provisioners, administrators }: BaseConfig["admission"]): string {
  const users = list([...provisioners, ...administrators.users]);
  const byUser = `request.userInfo.username in ${users}`;
  if (administrators.groups.length === 0) return byUser;
  return `(${byUser} || request.userInfo.?groups.orValue([]).exists(group, group in ${list(administrators.groups)}))`;
}
