import type { Step } from "../process/engine-events.ts";

/** With these a tenant's data plane and its usage on disk would go. Only a deletion may take them away. */
const PROTECTED: ReadonlySet<string> = new Set([
  "kubernetes:core/v1:Namespace",
  "kubernetes:core/v1:PersistentVolumeClaim",
]);

const TAKES_AWAY: ReadonlySet<string> = new Set([
  "delete",
  "delete-replaced",
  "replace",
  "create-replacement",
  "discard-replaced",
]);

/** The resources of a plan that must not be touched like that. */
export function takenAway(steps: readonly Step[]): string[] {
  const resources = steps.filter(({ op, type }) => PROTECTED.has(type) && TAKES_AWAY.has(op));
  return [...new Set(resources.map(({ resource }) => resource))];
}
