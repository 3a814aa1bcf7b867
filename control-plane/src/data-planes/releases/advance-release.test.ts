import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CALLS_MIN,
  DEFAULT_GATES,
  LAST_RING,
  nextStep,
  type RingSight,
  WAVE_SIZE,
} from "./advance-release.ts";

const QUIET: RingSight = { behind: 0, settling: 0, failed: 0, calls: 0, faults: 0, nacks: 0 };
const SOAK_MS = DEFAULT_GATES.soak_seconds * 1_000;
const at = (ring: number, soakingSince: number | null = null) => ({
  ring,
  soakingSince,
  gates: DEFAULT_GATES,
});

test("a ring is updated in waves: no more at one time than a wave holds", () => {
  expect(nextStep(at(1), { ...QUIET, behind: 25 }, 0)).toEqual({ kind: "assign", count: WAVE_SIZE });
  expect(nextStep(at(1), { ...QUIET, behind: 15, settling: WAVE_SIZE - 2 }, 0)).toEqual({
    kind: "assign",
    count: 2,
  });
  expect(nextStep(at(1), { ...QUIET, behind: 15, settling: WAVE_SIZE }, 0)).toEqual({
    kind: "wait",
    soaking: false,
  });
});

test("the next ring begins only after the soak, and the last ring ends the release", () => {
  expect(nextStep(at(1), QUIET, SOAK_MS)).toEqual({ kind: "wait", soaking: true });
  expect(nextStep(at(1, 1_000), QUIET, 999 + SOAK_MS)).toEqual({ kind: "wait", soaking: true });
  expect(nextStep(at(1, 1_000), QUIET, 1_000 + SOAK_MS)).toEqual({ kind: "advance" });
  expect(nextStep(at(LAST_RING, 1_000), QUIET, 1_000 + SOAK_MS)).toEqual({ kind: "complete" });
});

test.each<[string, Partial<RingSight>, string]>([
  [
    "a data plane that cannot be brought to it",
    { settling: 1, failed: 1 },
    "ring 0: 1 data planes could not be brought to it",
  ],
  ["a replica that refuses its snapshot", { nacks: 1 }, "ring 0: 1 replicas refuse their snapshot"],
  ["too many failed calls", { calls: 100, faults: 3 }, "ring 0: 3.0 % of 100 calls failed, more than 2 %"],
])("%s rolls the release back at once, also while it soaks", (_, seen, reason) => {
  expect(nextStep(at(0, 0), { ...QUIET, ...seen }, SOAK_MS)).toEqual({ kind: "roll_back", reason });
});

test("a few calls say nothing of a release, however many of them failed", () => {
  const few = { ...QUIET, calls: CALLS_MIN - 1, faults: CALLS_MIN - 1 };
  expect(nextStep(at(0, 0), few, 1)).toEqual({ kind: "wait", soaking: true });
});

test("whatever is seen, a ring that breaks a gate or is not done is never passed", () => {
  const sight = fc.record({
    behind: fc.nat(50),
    settling: fc.nat(20),
    failed: fc.nat(3),
    calls: fc.nat(1_000),
    faults: fc.nat(1_000),
    nacks: fc.nat(3),
  });
  fc.assert(
    fc.property(
      sight,
      fc.option(fc.nat(2 * SOAK_MS)),
      fc.integer({ min: 0, max: LAST_RING }),
      (seen, since, ring) => {
        const step = nextStep(at(ring, since), seen, 2 * SOAK_MS);
        if (step.kind !== "advance" && step.kind !== "complete") return;
        expect(seen).toMatchObject({ behind: 0, settling: 0, failed: 0, nacks: 0 });
        expect(seen.calls < CALLS_MIN || seen.faults / seen.calls <= DEFAULT_GATES.error_rate_max).toBe(true);
        expect(2 * SOAK_MS - (since ?? Number.NaN)).toBeGreaterThanOrEqual(SOAK_MS);
      },
    ),
  );
});
