import { type Dialect, type Id, MODEL_KINDS_OF } from "@headgate/sdk/contract";
import { invalid } from "../../lib/fault.ts";

/**
 * Throws `api.invalid_input` unless every provider is one of the tenant's, all speak one dialect, that dialect can
 * serve the model, and no two targets are the same. A provider of another tenant is answered like one that is not there.
 */
export function checkTargets(
  targets: readonly { provider_id: Id<"provider">; upstream_model: string }[],
  dialects: ReadonlyMap<Id<"provider">, Dialect>,
  kind: "chat" | "embeddings",
): void {
  const seen = new Set<string>();
  const first = targets[0] && dialects.get(targets[0].provider_id);
  for (const [index, { provider_id, upstream_model }] of targets.entries()) {
    const dialect = dialects.get(provider_id);
    if (dialect === undefined) throw invalid(`targets.${index}.provider_id`, "There is no such provider.");
    if (dialect !== first)
      throw invalid(`targets.${index}.provider_id`, "All targets of a route must speak the same dialect.");
    if (!MODEL_KINDS_OF[dialect].includes(kind))
      throw invalid(`targets.${index}.provider_id`, `The ${dialect} dialect has no ${kind}.`);
    const same = JSON.stringify([provider_id, upstream_model]);
    if (seen.has(same)) throw invalid(`targets.${index}`, "The same target is named twice.");
    seen.add(same);
  }
}
