/** The order in which a call's targets are tried: by priority, within one priority at random by weight, open breakers left out. */

import type { Gateway, Stage } from "../pipeline/stage.ts";
import type { CompiledTarget } from "../policy/compiled-policy.ts";

export const route: Stage = {
  name: "route",
  run(exchange, gateway) {
    const targets = exchange.call?.route?.targets;
    if (targets === undefined) throw new Error("a call is routed after it is authorised");
    const now = gateway.clock.monotonicMs();
    const closed = targets.filter((target) => gateway.breakers.admits(target.id, now));
    if (closed.length === 0) {
      const waits = targets.map((target) => gateway.breakers.waitMs(target.id, now));
      return { code: "upstream.unavailable", retryAfterMs: Math.min(...waits) };
    }
    exchange.candidates = closed.length === 1 ? closed : order(closed, gateway);
    return undefined;
  },
};

/** `targets` are sorted by priority. */
function order(targets: readonly CompiledTarget[], { random }: Pick<Gateway, "random">): CompiledTarget[] {
  const ordered: CompiledTarget[] = [];
  for (let start = 0; start < targets.length; ) {
    const priority = targets[start]?.priority;
    let end = start;
    while (end < targets.length && targets[end]?.priority === priority) end += 1;
    shuffleByWeight(targets.slice(start, end), ordered, random);
    start = end;
  }
  return ordered;
}

function shuffleByWeight(group: CompiledTarget[], into: CompiledTarget[], random: () => number): void {
  while (group.length > 0) {
    let point = random() * group.reduce((sum, target) => sum + target.weight, 0);
    let chosen = 0;
    while (chosen < group.length - 1 && point >= (group[chosen]?.weight ?? 0)) {
      point -= group[chosen]?.weight ?? 0;
      chosen += 1;
    }
    into.push(...group.splice(chosen, 1));
  }
}
