/** Tells those who watch an operation in this process that there is news of it. A hint only: whoever misses it polls. */
import type { Id } from "@headgate/sdk/contract";

export interface OperationHints {
  /** After the news are written. Never throws. */
  publish(operationId: Id<"operation">): void;
  /** Resolves at the next hint, after `ms`, or when the signal fires. */
  next(operationId: Id<"operation">, ms: number, signal: AbortSignal): Promise<void>;
  /** Ends all watching in this process, so that the server can close; those who watch come back to another one. */
  close(): void;
  readonly closed: AbortSignal;
}

export function createOperationHints(): OperationHints {
  const closing = new AbortController();
  const waiting = new Map<Id<"operation">, Set<() => void>>();
  return {
    closed: closing.signal,
    close() {
      closing.abort(new DOMException("the server ends", "AbortError"));
      for (const mine of waiting.values()) for (const wake of mine) wake();
    },
    publish(operationId) {
      for (const wake of waiting.get(operationId) ?? []) wake();
    },
    next(operationId, ms, signal) {
      return new Promise((resolve) => {
        const mine = waiting.get(operationId) ?? new Set();
        waiting.set(operationId, mine);
        const wake = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", wake);
          mine.delete(wake);
          if (mine.size === 0 && waiting.get(operationId) === mine) waiting.delete(operationId);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        mine.add(wake);
        signal.addEventListener("abort", wake, { once: true });
        if (signal.aborted) wake();
      });
    },
  };
}
