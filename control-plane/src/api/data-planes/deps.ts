import type { JoinServices } from "../../data-planes/join/service.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { TenantSecrets } from "../../secrets/tenant-secrets.ts";
import type { RevisionEvents } from "../../snapshots/revision-events.ts";

/** What the endpoints for data planes work with. */
export interface DataPlaneApiDeps extends JoinServices {
  readonly metrics: Metrics;
  readonly secrets: TenantSecrets;
  readonly revisionEvents: RevisionEvents;
}
