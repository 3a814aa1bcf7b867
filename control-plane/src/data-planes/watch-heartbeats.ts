import { Gauge, type Registry } from "prom-client";
import type { Database } from "../db/client.ts";
import { withPlatform } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import { oldestHeartbeat } from "./repository.ts";

/**
 * Shows how long the data plane that is silent the longest has been so; those that were stopped or are to go do not
 * count. It is asked for at each scrape, and keeps its last value while the database is away.
 */
export function watchHeartbeats(registry: Registry, { db, clock }: { db: Database; clock: Clock }): void {
  const age = new Gauge({
    name: "headgate_data_plane_heartbeat_age_seconds",
    help: "Since the last heartbeat of the data plane that is silent the longest; 0 where none is expected.",
    registers: [registry],
    async collect() {
      const at = await withPlatform(db, oldestHeartbeat).catch(() => undefined);
      if (at !== undefined) age.set(at === null ? 0 : Math.max(0, clock.wallMs() - at) / 1_000);
    },
  });
}
