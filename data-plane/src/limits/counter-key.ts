/** Names of counters. Parts that a tenant chooses are escaped, so that no two scopes can share a name. */
import type { CounterKey } from "@headgate/sdk/contract";
import type { CallScope } from "../policy/compiled-policy.ts";

/** `team=blue:model=x`, or an empty string for one counter for all; undefined when the agent lacks a label. */
export function scopeKey(per: readonly CounterKey[], scope: CallScope): string | undefined {
  let key = "";
  for (const name of per) {
    const value = partOf(name, scope);
    if (value === undefined) return undefined;
    key += key === "" ? `${name}=${escaped(value)}` : `:${name}=${escaped(value)}`;
  }
  return key;
}

function partOf(name: CounterKey, scope: CallScope): string | undefined {
  if (name === "agent") return scope.agentId;
  if (name === "model") return scope.kind === "model" ? scope.model : undefined;
  return scope.labels[name];
}

function escaped(value: string): string {
  return SPECIAL.test(value) ? value.replaceAll("%", "%25").replaceAll(":", "%3A") : value;
}

const SPECIAL = /[%:]/;
