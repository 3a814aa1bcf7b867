import { Counter, Gauge, type Registry } from "prom-client";

export type ReleaseMetrics = ReturnType<typeof createReleaseMetrics>;

export function createReleaseMetrics(registry: Registry) {
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
    /** A release went to its next ring, came to its end, or was sent back. */
    countStep: (step: "advance" | "complete" | "roll_back") => steps.inc({ step }),
    /** The ring of the release that is on its way; -1 while none is. */
    showRing: (value: number) => ring.set(value),
  };
}
