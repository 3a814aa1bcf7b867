/** What a replica knows of the others: among how many limits are shared, and what those that died have left behind. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { OrphanRecovery } from "../storage/recover-orphans.ts";

export function registerReplicaMetrics(sources: {
  readonly registry: Registry;
  readonly replicas: () => number;
  /** Undefined where the state directory is not on a shared volume. */
  readonly orphans: OrphanRecovery | undefined;
}): void {
  const { registry, replicas, orphans } = sources;
  new Gauge({
    name: "headgate_live_replicas",
    help: "Replicas among which limits and budgets are shared, as the control plane told last.",
    registers: [registry],
    collect() {
      this.set(replicas());
    },
  });
  new Gauge({
    name: "headgate_orphan_spools",
    help: "Spools that dead replicas left on the shared volume and that are not shipped to their end.",
    registers: [registry],
    collect() {
      this.set(orphans?.orphans ?? 0);
    },
  });
  new Counter({
    name: "headgate_orphan_events_recovered_total",
    help: "Usage events of dead replicas that this one has shipped.",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(orphans?.recoveredEvents ?? 0);
    },
  });
}
