import type { Id, SnapshotRoute } from "@headgate/sdk/contract";
import type { CompiledProvider, CompiledRoute, CompiledTarget } from "./compiled-policy.ts";

/** Routes by the model they serve, each with its targets in the order of priority, then of id. */
export function compileRoutes(
  routes: readonly SnapshotRoute[],
  providers: ReadonlyMap<Id<"provider">, CompiledProvider>,
): Map<Id<"model">, CompiledRoute> {
  const byModel = new Map<Id<"model">, CompiledRoute>();
  for (const { id, model_id, targets, attempts_max, breaker } of routes) {
    byModel.set(model_id, {
      id,
      targets: targets.flatMap((target) => compileTarget(target, providers)).sort(byPriorityThenId),
      attemptsMax: attempts_max,
      breaker: { failures: breaker.failures, openMs: breaker.open_ms },
    });
  }
  return byModel;
}

function compileTarget(
  { id, provider_id, upstream_model, priority, weight, timeouts }: SnapshotRoute["targets"][number],
  providers: ReadonlyMap<Id<"provider">, CompiledProvider>,
): CompiledTarget[] {
  const provider = providers.get(provider_id);
  return provider === undefined
    ? []
    : [{ id, provider, upstreamModel: upstream_model, priority, weight, timeouts }];
}

function byPriorityThenId(a: CompiledTarget, b: CompiledTarget): number {
  return a.priority - b.priority || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
