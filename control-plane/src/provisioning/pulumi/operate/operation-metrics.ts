import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { FailureClass } from "../decide/classify-failure.ts";

export type OperationMetrics = ReturnType<typeof createOperationMetrics>;

interface Ended {
  readonly kind: string;
  readonly outcome: FailureClass | "succeeded";
  readonly seconds: number;
}

export function createOperationMetrics(registry: Registry) {
  const registers = [registry];
  const total = new Counter({
    name: "headgate_operations_total",
    help: "Operations on stacks by kind and outcome; the outcome is succeeded or the class of the failure.",
    labelNames: ["kind", "outcome"],
    registers,
  });
  const seconds = new Histogram({
    name: "headgate_operation_seconds",
    help: "Time that operations on stacks took.",
    labelNames: ["kind"],
    buckets: [1, 2, 5, 10, 20, 45, 90, 180, 420, 900, 1_800],
    registers,
  });
  const running = new Gauge({
    name: "headgate_operations_running",
    help: "Operations on stacks that this worker runs now.",
    registers,
  });
  const waiting = new Gauge({
    name: "headgate_operations_waiting",
    help: "Data planes for which an operation waits until there is room.",
    registers,
  });
  const drift = new Counter({
    name: "headgate_drift_found_total",
    help: "Looks at clusters that found something else than was brought about.",
    registers,
  });
  const leases = new Counter({
    name: "headgate_stack_leases_lost_total",
    help: "Operations that lost their lease and were stopped.",
    registers,
  });
  return {
    observeOperation({ kind, outcome, seconds: took }: Ended) {
      total.inc({ kind, outcome });
      seconds.observe({ kind }, took);
    },
    showLoad(load: { readonly running: number; readonly waiting: number }) {
      running.set(load.running);
      waiting.set(load.waiting);
    },
    countDrift: () => drift.inc(),
    countLeaseLoss: () => leases.inc(),
  };
}
