import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { DATA_PLANE_STATES } from "../data-planes/status.ts";

export type ProvisioningMetrics = ReturnType<typeof createProvisioningMetrics>;

export function createProvisioningMetrics(registry: Registry) {
  const registers = [registry];
  const seconds = new Histogram({
    name: "headgate_reconcile_seconds",
    help: "Time of one pass over one data plane.",
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  const states = new Gauge({
    name: "headgate_data_planes",
    help: "Data planes by state.",
    labelNames: ["state"],
    registers,
  });
  const restarts = new Counter({
    name: "headgate_data_plane_restarts_total",
    help: "Data planes that ended unasked.",
    registers,
  });
  return {
    observeReconcile: (value: number) => seconds.observe(value),
    showStates(counts: ReadonlyMap<string, number>) {
      for (const state of DATA_PLANE_STATES) states.set({ state }, counts.get(state) ?? 0);
    },
    countRestart: () => restarts.inc(),
  };
}
