/** Compares what the provider says it has served with what the ledger of the control plane holds. */
import { type Comparison, compareLedgers } from "../../harness/compare-ledgers.ts";
import { until } from "../../harness/until.ts";
import { usageEvents } from "../../harness/usage-events.ts";
import type { ClusterPlatform } from "./cluster-platform.ts";
import type { ClusterTenant } from "./cluster-tenant.ts";

/**
 * Resolves when every call that the provider has served is in the usage of these tenants, who are all that there are;
 * rejects with the attempts that are missing when they do not come.
 */
export async function usageIsWhole(
  { provider }: ClusterPlatform,
  tenants: readonly Pick<ClusterTenant, "api">[],
  seconds = 90,
): Promise<Comparison> {
  let seen: Comparison | undefined;
  try {
    return await until({ what: "all usage has arrived", seconds, everyMs: 500 }, async () => {
      const events = (await Promise.all(tenants.map(({ api }) => usageEvents(api)))).flat();
      seen = compareLedgers(provider, events);
      return seen.lost.length === 0 ? seen : undefined;
    });
  } catch (cause) {
    throw new Error(`of ${provider.ledger.length} calls these are in no event: ${seen?.lost.join(", ")}`, {
      cause,
    });
  }
}
