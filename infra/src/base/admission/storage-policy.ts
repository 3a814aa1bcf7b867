import type { BaseConfig } from "../base-config.ts";
import type { AdmissionPolicy } from "./admission-policy.ts";
import { literal } from "./cel.ts";

/** Volumes are of the one storage class that is meant for tenants; where there is none, there are no volumes. */
export function storagePolicy({ storage }: BaseConfig): AdmissionPolicy {
  const { persistentClass } = storage;
  return {
    name: "headgate-tenant-volumes",
    scope: "tenants",
    resources: [{ group: "", kinds: ["persistentvolumeclaims"], operations: ["CREATE"] }],
    rules: [
      persistentClass === null
        ? { expression: "false", message: "Tenants have no persistent volumes in this cluster." }
        : {
            expression: `object.spec.?storageClassName.orValue("") == ${literal(persistentClass)}`,
            message: `Volumes of tenants must be of the storage class ${persistentClass}.`,
          },
    ],
  };
}
