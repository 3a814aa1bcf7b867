import type { UsageEvent } from "@headgate/sdk/contract";
import type { Platform } from "./platform.ts";

interface StreamEvent extends UsageEvent {
  readonly stream_id: string;
}

/** All usage that the API shows of a tenant, page by page. */
export async function eventsOf(platform: Platform, tenantId: string) {
  const events: StreamEvent[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const input = cursor === undefined ? {} : { cursor };
    const page = await platform.server.ok<{ items: StreamEvent[]; next_cursor: string | null }>(
      "usage.events",
      input,
      platform.operator(tenantId),
    );
    events.push(...page.items);
    cursor = page.next_cursor;
  }
  return events;
}
