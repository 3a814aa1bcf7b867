import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFakeClock } from "../testing/fake-clock.ts";
import { KEPT_LEASE_MS, keepLease } from "./keep-lease.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function kept(renew: () => Promise<boolean>) {
  const clock = createFakeClock();
  const lost = vi.fn();
  const end = keepLease({ renew, clock, onLost: lost });
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 5_000) {
      clock.advance(5_000);
      await vi.advanceTimersByTimeAsync(5_000);
    }
  };
  return { lost, end, pass };
}

test("a lease that can be renewed is kept for as long as it takes", async () => {
  const { lost, pass, end } = kept(async () => true);
  await pass(10 * KEPT_LEASE_MS);
  expect(lost).not.toHaveBeenCalled();
  end();
});

test("a lease that somebody else has is told as lost, once", async () => {
  const { lost, pass } = kept(async () => false);
  await pass(KEPT_LEASE_MS);
  expect(lost).toHaveBeenCalledTimes(1);
});

test("a database that does not answer costs the lease in time to end what runs, and not before it must", async () => {
  for (const renew of [
    () => Promise.reject(new Error("away")),
    () => new Promise<boolean>(() => undefined),
  ]) {
    const { lost, pass } = kept(renew);
    await pass(30_000);
    expect(lost).not.toHaveBeenCalled();
    await pass(KEPT_LEASE_MS - 60_000);
    expect(lost).toHaveBeenCalledTimes(1);
  }
});

test("nothing is told any more once it has ended", async () => {
  const { lost, pass, end } = kept(async () => false);
  end();
  await pass(KEPT_LEASE_MS);
  expect(lost).not.toHaveBeenCalled();
});
