import { getAt, type PropertyPath } from "../property-path.ts";
import { isObject, type Json, type JsonObject } from "../wire.ts";
import type { KubernetesObject } from "./client.ts";

type Entry = JsonObject & { manager: string; operation: string; subresource?: string; fieldsV1?: JsonObject };

/**
 * The managed fields with what `manager` owns by a plain create turned into what it owns by apply. Without it the
 * first apply would conflict with, or share, fields of the very manager that applies. Undefined: nothing to turn.
 */
export function adoptedByApply(object: KubernetesObject, manager: string): Entry[] | undefined {
  const entries = managedFields(object);
  const isOurs = (entry: Entry, operation: string) =>
    entry.manager === manager && entry.operation === operation && (entry.subresource ?? "") === "";
  const created = entries.find((entry) => isOurs(entry, "Update"));
  if (created === undefined) return undefined;
  const applied = entries.find((entry) => isOurs(entry, "Apply"));
  const merged: Entry = {
    ...created,
    operation: "Apply",
    fieldsV1: union(applied?.fieldsV1 ?? {}, created.fieldsV1 ?? {}),
  };
  return [...entries.filter((entry) => entry !== created && entry !== applied), merged];
}

/** Whether the field at `path` belongs to others and not to `manager`. */
export function belongsToOthers(object: KubernetesObject, path: PropertyPath, manager: string): boolean {
  const fields = path.map((part) => `f:${part}`);
  const owners = managedFields(object).filter((entry) => getAt(entry.fieldsV1, fields) !== undefined);
  return owners.length > 0 && owners.every((entry) => entry.manager !== manager);
}

/** Whether an apply was refused only for fields that `manager` itself had set otherwise. */
export function isOwnConflict(causes: readonly { message?: string }[], manager: string): boolean {
  return causes.length > 0 && causes.every(({ message }) => message?.includes(`"${manager}"`) === true);
}

function managedFields(object: KubernetesObject): Entry[] {
  const entries: Json | undefined = object.metadata["managedFields"];
  return Array.isArray(entries) ? (entries.filter(isObject) as Entry[]) : [];
}

function union(a: JsonObject, b: JsonObject): JsonObject {
  const result = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const mine = result[key];
    result[key] = isObject(mine) && isObject(value) ? union(mine, value) : value;
  }
  return result;
}
