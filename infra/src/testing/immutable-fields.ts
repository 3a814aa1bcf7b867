import type { Manifest } from "../manifest.ts";

/** What of an object cannot be changed, by kind, beside its name: a change of it is a new object in the old one's place. */
const IMMUTABLE: Readonly<Record<string, readonly string[][]>> = {
  Deployment: [["spec", "selector"]],
  Service: [
    ["spec", "clusterIP"],
    ["spec", "type"],
  ],
  PersistentVolumeClaim: [
    ["spec", "accessModes"],
    ["spec", "storageClassName"],
    ["spec", "selector"],
    ["spec", "volumeName"],
    // It may grow, and no more: no tenant's may ever shrink.
    ["spec", "resources"],
  ],
  Secret: [["type"], ["immutable"]],
  ConfigMap: [["immutable"]],
};

/** The part of an object that has to stay as it is for the object to be updated in place. */
export function immutableFields(manifest: Manifest): Record<string, unknown> {
  const { apiVersion, kind, metadata } = manifest;
  const fields = (IMMUTABLE[kind] ?? []).map((path) => [path.join("."), valueAt(manifest, path)]);
  return {
    apiVersion,
    kind,
    name: metadata.name,
    namespace: metadata.namespace,
    ...Object.fromEntries(fields),
  };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, key) => (typeof found === "object" && found !== null ? Reflect.get(found, key) : undefined),
    value,
  );
}
