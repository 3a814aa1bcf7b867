/** Delays as a parameter. */
export interface Timers {
  /** Calls `task` once. Returns how to call it off. */
  after(delayMs: number, task: () => void): () => void;
}

/** Timers that never keep the process alive. */
export const systemTimers: Timers = {
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
