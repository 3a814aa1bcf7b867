/** Gauges that are read from the parts themselves whenever metrics are scraped. */
import { Counter, collectDefaultMetrics, Gauge, type Registry } from "prom-client";
import type { Gateway } from "../pipeline/stage.ts";
import type { PolicyHolder } from "../policy/policy-holder.ts";
import type { BoundedConnections } from "../server/bound-connections.ts";
import type { OrphanRecovery } from "../storage/recover-orphans.ts";
import type { Reporter } from "../usage/report/reporter.ts";
import type { Spool } from "../usage/spool/spool.ts";
import type { UsageState } from "../usage/usage-state.ts";
import { VERSION } from "../version.ts";

export interface StateSources {
  readonly registry: Registry;
  readonly gateway: Pick<Gateway, "clock" | "load" | "breakers">;
  readonly holder: PolicyHolder;
  readonly connections: BoundedConnections;
  usage(): UsageState;
  /** Among how many limits are shared. */
  replicas(): number;
  /** Undefined where the state directory is not on a shared volume. */
  orphans(): OrphanRecovery | undefined;
  readonly spool: Pick<Spool, "bytes" | "markedEvents">;
  readonly reporter: Pick<Reporter, "streamsBegun">;
}

export function registerStateMetrics(sources: StateSources): void {
  const { registry, holder } = sources;
  const { clock, load, breakers } = sources.gateway;
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number) => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  new Gauge({
    name: "headgate_build_info",
    help: "1, with the versions that run.",
    labelNames: ["version", "node"],
    registers: [registry],
  }).set({ version: VERSION, node: process.version }, 1);
  gauge("headgate_requests_in_flight", "Requests being served.", () => load.inFlight);
  gauge("headgate_streams_open", "Streams being sent to agents.", () => load.streamsOpen);
  const { connections } = sources;
  gauge("headgate_connections_open", "Connections of agents, busy or not.", () => connections.count);
  counter(
    "headgate_connections_displaced_total",
    "Idle connections that were closed to make room for others.",
    () => connections.displaced,
  );
  gauge(
    "headgate_snapshot_revision",
    "The revision in force; 0 when none is.",
    () => holder.current()?.revision ?? 0,
  );
  gauge("headgate_snapshot_age_seconds", "Since the revision in force was issued; 0 when none is.", () => {
    const policy = holder.current();
    return policy === undefined ? 0 : Math.max(0, (clock.wallMs() - policy.issuedAt) / 1_000);
  });
  gauge("headgate_breakers_open", "Targets that are left alone after failures.", () => {
    return breakers.open(clock.monotonicMs()).length;
  });
  gauge("headgate_usage_spool_events", "Usage events that the control plane has not acknowledged.", () => {
    const { head_seq, acked_seq } = sources.usage();
    return head_seq - acked_seq;
  });
  gauge("headgate_usage_spool_bytes", "Size of the usage spool on disk.", () => sources.spool.bytes);
  gauge("headgate_usage_spool_oldest_seconds", "Age of the oldest unacknowledged usage event.", () => {
    const oldest = sources.usage().oldest_unacked_at;
    return oldest === null ? 0 : Math.max(0, (clock.wallMs() - oldest) / 1_000);
  });
  counter(
    "headgate_usage_lost_total",
    "Calls served of which no usage record says what they used, and streams that were damaged. Must be 0.",
    () => sources.usage().lost_events,
  );
  counter(
    "headgate_usage_marked_total",
    "Attempts that were recorded without the parts of their result that cannot be said.",
    () => sources.spool.markedEvents,
  );
  counter(
    "headgate_usage_streams_begun_total",
    "Streams begun because the ledger has another history of the one before. Must be 0.",
    () => sources.reporter.streamsBegun,
  );
  gauge(
    "headgate_usage_batches_quarantined",
    "Usage batches that the control plane refused. Must be 0.",
    () => sources.usage().quarantined_batches,
  );
  gauge(
    "headgate_live_replicas",
    "Replicas among which limits and budgets are shared, as the control plane told last.",
    sources.replicas,
  );
  gauge(
    "headgate_orphan_spools",
    "Spools that dead replicas left on the shared volume and that are not shipped to their end.",
    () => sources.orphans()?.orphans ?? 0,
  );
  counter(
    "headgate_orphan_events_recovered_total",
    "Usage events of dead replicas that this one has shipped.",
    () => sources.orphans()?.recoveredEvents ?? 0,
  );
  new Counter({
    name: "headgate_snapshot_rejects_total",
    help: "Snapshots refused, by reason; the last good one stayed in force.",
    labelNames: ["reason"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of holder.rejections()) this.inc({ reason }, count);
    },
  });
}
