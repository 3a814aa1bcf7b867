/** Timers that a test fires. */
import type { Timers } from "../timers.ts";

export interface ManualTimers extends Timers {
  /** Resolves when a timer of at most this delay is set. */
  due(delayMsMax?: number): Promise<void>;
  /** Fires the pending timers of at most this delay, or the next one to be set. */
  fire(delayMsMax?: number): Promise<void>;
  pending(): readonly number[];
}

export function createManualTimers(): ManualTimers {
  const pending = new Map<object, { delayMs: number; task: () => void }>();
  const watchers = new Set<() => void>();
  const ofAtMost = (delayMsMax: number) => [...pending].filter(([, { delayMs }]) => delayMs <= delayMsMax);
  const due = async (delayMsMax = Number.POSITIVE_INFINITY): Promise<void> => {
    while (ofAtMost(delayMsMax).length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      watchers.add(resolve);
      await promise;
      watchers.delete(resolve);
    }
  };
  return {
    after(delayMs, task) {
      const handle = {};
      pending.set(handle, { delayMs, task });
      for (const watcher of watchers) watcher();
      return () => pending.delete(handle);
    },
    due,
    async fire(delayMsMax = Number.POSITIVE_INFINITY) {
      await due(delayMsMax);
      for (const [handle, { task }] of ofAtMost(delayMsMax)) {
        pending.delete(handle);
        task();
      }
    },
    pending: () => [...pending.values()].map(({ delayMs }) => delayMs),
  };
}
