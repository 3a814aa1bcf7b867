import type { createClient } from "@headgate/sdk";
import type { UsageEvent } from "@headgate/sdk/contract";

/** All that was reported of a tenant, from the raw batches, as the API gives it page by page. */
export async function usageEvents(
  api: Pick<ReturnType<typeof createClient>, "usage">,
): Promise<UsageEvent[]> {
  const events: UsageEvent[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.usage.events({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    events.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return events;
}
