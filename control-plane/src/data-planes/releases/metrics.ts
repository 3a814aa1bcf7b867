import { Counter, Gauge, type Registry } from "prom-client";

export interface ReleaseMetrics {
  /** A release went to its next ring, came to its end, or was sent back. */
  countStep(step: "advance" | "complete" | "roll_back"): void;
  /** The ring of the release that is on its way; -1 while none is. */
  showRing(ring: number): void;
}

export function createReleaseMetrics(registry: Registry): ReleaseMetrics {
  const registers = [registry];
  const steps = new Counter({
    name: "headgate_release_steps_total",
    help: "Steps of releases.",
    labelNames: ["step"],
    registers,
  });
  const ring = new Gauge({
    name: "headgate_release_ring",
    help: "Ring of the release on its way.",
    registers,
  });
  ring.set(-1);
  return {
    countStep: (step) => steps.inc({ step }),
    showRing: (value) => ring.set(value),
  };
}
