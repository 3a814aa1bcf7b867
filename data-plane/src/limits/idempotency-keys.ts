/** Which idempotency keys agents have used, and for which body. Bounded: the oldest finished keys are forgotten. */
export interface IdempotencyKeys {
  /** Claims the key for a body; `undefined` means the call may run and must be finished later. */
  claim(key: string, bodyHash: string): "in_progress" | "mismatch" | undefined;
  finish(key: string): void;
}

interface Use {
  readonly bodyHash: string;
  running: boolean;
}

/** `keysMax`: how many finished keys are remembered. */
export function createIdempotencyKeys(keysMax: number): IdempotencyKeys {
  const uses = new Map<string, Use>();
  return {
    claim(key, bodyHash) {
      const use = uses.get(key);
      if (use !== undefined && use.bodyHash !== bodyHash) return "mismatch";
      if (use?.running === true) return "in_progress";
      uses.delete(key);
      uses.set(key, { bodyHash, running: true });
      return undefined;
    },
    finish(key) {
      const use = uses.get(key);
      if (use !== undefined) use.running = false;
      for (const [oldest, { running }] of uses) {
        if (uses.size <= keysMax) break;
        if (!running) uses.delete(oldest);
      }
    },
  };
}
