import { formatPropertyPath, liesWithin, type PropertyPath } from "../property-path.ts";
import { isObject, type Json, type JsonObject, sameJson } from "../wire.ts";

export type Change = { readonly path: PropertyPath; readonly kind: "add" | "delete" | "update" };

/** Where two inputs differ, at the deepest place that tells. Markers must be off both. */
export function changesBetween(
  before: Json | undefined,
  after: Json | undefined,
  path: PropertyPath = [],
): Change[] {
  if (sameJson(before, after)) return [];
  if (before === undefined || before === null) return [{ path, kind: "add" }];
  if (after === undefined || after === null) return [{ path, kind: "delete" }];
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => changesBetween(before[key], after[key], [...path, key]));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    return Array.from({ length: Math.max(before.length, after.length) }, (_, index) =>
      changesBetween(before[index], after[index], [...path, index]),
    ).flat();
  }
  return [{ path, kind: "update" }];
}

export function isReplacing(change: Change, immutable: readonly PropertyPath[]): boolean {
  return immutable.some((field) => liesWithin(change.path, field) || liesWithin(field, change.path));
}

/** The detail of a diff as engine events carry it. */
export function detailedDiff(changes: readonly Change[], immutable: readonly PropertyPath[]): JsonObject {
  return Object.fromEntries(
    changes.map((change) => [
      formatPropertyPath(change.path),
      { diffKind: `${change.kind}${isReplacing(change, immutable) ? "-replace" : ""}`, inputDiff: false },
    ]),
  );
}

/**
 * The inputs after a refresh: what the program had asked for, except where the object has moved since the state last
 * saw it. Comparing the object with itself, and not with the inputs, keeps the server's defaults and spellings out.
 */
export function inputsAfterDrift(
  inputs: Json,
  seen: Json | undefined,
  live: Json | undefined,
): Json | undefined {
  const now = prune(live, inputs);
  if (sameJson(prune(seen, inputs), now)) return inputs;
  if (isObject(inputs) && isObject(seen) && isObject(live)) {
    const entries = Object.entries(inputs).map(([key, item]) => [
      key,
      inputsAfterDrift(item, seen[key], live[key]),
    ]);
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined)) as JsonObject;
  }
  return now;
}

/** The part of `live` that `inputs` speaks of. */
function prune(live: Json | undefined, inputs: Json): Json | undefined {
  if (isObject(live) && isObject(inputs)) {
    const kept = Object.entries(inputs).map(([key, item]) => [key, prune(live[key], item)]);
    return Object.fromEntries(kept.filter(([, item]) => item !== undefined)) as JsonObject;
  }
  if (Array.isArray(live) && Array.isArray(inputs)) {
    return live.map((item, index) => {
      const model = inputs[index];
      return model === undefined ? item : (prune(item, model) ?? null);
    });
  }
  return live;
}
