/**
 * How a release goes from ring to ring: pure functions of what is seen. A ring is updated in waves, then watched for a
 * while; the next one begins only when it has kept to the gates all that time, and a ring that breaks one sends every
 * data plane of the release back.
 */
import { z } from "zod";
import type { releases } from "../../db/schema/provisioning.ts";
import { count } from "../../lib/view.ts";

/** The first to get a release, and the last. What nobody has placed is in the ring of its plan. */
export const CANARY_RING = 0;
export const LAST_RING = 3;
export const RING_OF_PLAN = { starter: 1, team: 2, enterprise: 3 } as const;

/** What a ring must keep to before the next one begins. */
export type Gates = (typeof releases.$inferSelect)["gates"];

export const DEFAULT_GATES: Gates = {
  soak_seconds: 600,
  settle_seconds: 600,
  error_rate_max: 0.02,
  nacks_max: 0,
  failures_max: 0,
};

/** With fewer calls than these, a failed one says little of a release. */
export const CALLS_MIN = 50;
/** Data planes that are updated at one time. */
export const WAVE_SIZE = 10;

/** The data planes of one ring, as they are now. */
export const ringSight = z.strictObject({
  /** Not told of the release yet. */
  behind: count,
  /** Told of it, and not ready with it yet. */
  settling: count,
  /** Of those, how many could not be brought to it. */
  failed: count,
  /** Served by replicas of the release since they started. */
  calls: count,
  faults: count,
  nacks: count,
});
export type RingSight = Readonly<z.infer<typeof ringSight>>;

export type ReleaseStep =
  | { readonly kind: "assign"; readonly count: number }
  | { readonly kind: "wait"; readonly soaking: boolean }
  | { readonly kind: "advance" }
  | { readonly kind: "complete" }
  | { readonly kind: "roll_back"; readonly reason: string };

export interface ReleaseProgress {
  readonly ring: number;
  /** Since when all of the ring have run it, Unix milliseconds; null before that. */
  readonly soakingSince: number | null;
  readonly gates: Gates;
}

export function nextStep(
  { ring, soakingSince, gates }: ReleaseProgress,
  seen: RingSight,
  now: number,
): ReleaseStep {
  const broken = brokenGate(gates, seen);
  if (broken !== undefined) return { kind: "roll_back", reason: `ring ${ring}: ${broken}` };
  const room = WAVE_SIZE - seen.settling;
  if (seen.behind > 0 && room > 0) return { kind: "assign", count: Math.min(room, seen.behind) };
  if (seen.behind > 0 || seen.settling > 0) return { kind: "wait", soaking: false };
  if (soakingSince === null || now - soakingSince < gates.soak_seconds * 1_000)
    return { kind: "wait", soaking: true };
  return ring >= LAST_RING ? { kind: "complete" } : { kind: "advance" };
}

function brokenGate(gates: Gates, { failed, nacks, calls, faults }: RingSight): string | undefined {
  if (failed > gates.failures_max) return `${failed} data planes could not be brought to it`;
  if (nacks > gates.nacks_max) return `${nacks} replicas refuse their snapshot`;
  const rate = calls === 0 ? 0 : faults / calls;
  if (calls >= CALLS_MIN && rate > gates.error_rate_max)
    return `${(rate * 100).toFixed(1)} % of ${calls} calls failed, more than ${gates.error_rate_max * 100} %`;
  return undefined;
}
