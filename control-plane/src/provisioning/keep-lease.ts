/** Keeps a lease while work goes on under it, and says at once when it is lost or may have been. */
import type { Clock } from "../lib/clock.ts";

/** Long enough for a process to be ended within it when the worker cannot renew any more. */
export const KEPT_LEASE_MS = 90_000;
const RENEW_MS = 15_000;
/** The process gets this long to end before another worker may begin. */
const STOP_MS = 45_000;

export interface LeaseKeeperOptions {
  /** False when somebody else has it. Rejects when the database does not answer. */
  readonly renew: (until: number) => Promise<boolean>;
  readonly clock: Clock;
  readonly onLost: () => void;
  readonly renewMs?: number;
}

/** Returns what ends the keeping. Time is measured by the clock that only grows, so that a set clock does no harm. */
export function keepLease({ renew, clock, onLost, renewMs = RENEW_MS }: LeaseKeeperOptions): () => void {
  let goodUntil = clock.monotonicMs() + KEPT_LEASE_MS;
  let ended = false;
  let busy = false;
  const end = () => {
    ended = true;
    clearInterval(timer);
  };
  const lost = () => {
    if (ended) return;
    end();
    onLost();
  };
  const tick = async () => {
    if (clock.monotonicMs() >= goodUntil - STOP_MS) return lost();
    if (busy) return;
    busy = true;
    const askedAt = clock.monotonicMs();
    try {
      if (await renew(clock.wallMs() + KEPT_LEASE_MS)) goodUntil = askedAt + KEPT_LEASE_MS;
      else lost();
    } catch {
      // The next tick asks again, until the time is up.
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void tick(), renewMs);
  return end;
}
