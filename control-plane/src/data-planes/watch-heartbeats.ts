import { and, isNull, min, notInArray } from "drizzle-orm";
import { Gauge, type Registry } from "prom-client";
import type { Database } from "../db/client.ts";
import { dataPlanes } from "../db/schema/data-planes.ts";
import { withPlatform } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";

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
      const oldest = await withPlatform(db, (tx) =>
        tx
          .select({ at: min(dataPlanes.last_heartbeat_at) })
          .from(dataPlanes)
          .where(
            and(
              isNull(dataPlanes.deletion_requested_at),
              notInArray(dataPlanes.state, ["stopped", "deleted"]),
            ),
          ),
      ).catch(() => undefined);
      if (oldest === undefined) return;
      const at = oldest[0]?.at ?? null;
      age.set(at === null ? 0 : Math.max(0, clock.wallMs() - at) / 1_000);
    },
  });
}
