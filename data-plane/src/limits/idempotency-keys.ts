/**
 * Which idempotency keys agents have used, for which body, and what they were answered. A call that is complete does not
 * run again under its key: its answer is given once more, or it is said that it is not kept. A call that came to nothing
 * leaves its key free. All of it is bounded: in time, in keys, and in bytes of answers.
 */

/** A whole answer, as it was sent. */
export interface KeptAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

export interface IdempotencyKeys {
  /** Claims the key for a body; `undefined` means the call may run and must be finished later. */
  claim(key: string, bodyHash: string, nowMono: number): Claim | undefined;
  /** What came of the call: its answer, `unkept` where that was a stream, `nothing` where there was none. */
  finish(key: string, outcome: KeptAnswer | "unkept" | "nothing", nowMono: number): void;
}

export type Claim = "in_progress" | "mismatch" | "not_kept" | KeptAnswer;

export interface IdempotencyBounds {
  /** How many finished keys are remembered. */
  readonly keysMax: number;
  /** How long. */
  readonly keptMs: number;
  readonly answerBytesMax: number;
  /** Of all answers together. */
  readonly bytesMax: number;
}

interface Use {
  readonly bodyHash: string;
  running: boolean;
  answer: KeptAnswer | undefined;
  /** Monotonic milliseconds; while it runs it has no end. */
  forgottenAt: number;
}

export function createIdempotencyKeys(bounds: IdempotencyBounds): IdempotencyKeys {
  /** The one that was finished first comes first, but for those that run. */
  const uses = new Map<string, Use>();
  /** Those with an answer, in the same order. */
  const answered = new Set<Use>();
  let bytes = 0;

  function dropAnswer(use: Use): void {
    if (use.answer === undefined) return;
    bytes -= use.answer.body.length;
    use.answer = undefined;
    answered.delete(use);
  }

  function forget(key: string, use: Use): void {
    dropAnswer(use);
    uses.delete(key);
  }

  function forgetOld(nowMono: number): void {
    for (const [key, use] of uses) {
      if (use.running) continue;
      if (uses.size <= bounds.keysMax && use.forgottenAt > nowMono) break;
      forget(key, use);
    }
    for (const use of answered) {
      if (bytes <= bounds.bytesMax) break;
      dropAnswer(use);
    }
  }

  return {
    claim(key, bodyHash, nowMono) {
      forgetOld(nowMono);
      const use = uses.get(key);
      if (use !== undefined && use.bodyHash !== bodyHash) return "mismatch";
      if (use?.running === true) return "in_progress";
      if (use !== undefined) return use.answer ?? "not_kept";
      uses.set(key, { bodyHash, running: true, answer: undefined, forgottenAt: Number.POSITIVE_INFINITY });
      return undefined;
    },
    finish(key, outcome, nowMono) {
      const use = uses.get(key);
      if (use === undefined) return;
      uses.delete(key);
      if (outcome === "nothing") return;
      use.running = false;
      use.forgottenAt = nowMono + bounds.keptMs;
      uses.set(key, use);
      if (outcome !== "unkept" && outcome.body.length <= bounds.answerBytesMax) {
        use.answer = { ...outcome, body: ownBytes(outcome.body) };
        answered.add(use);
        bytes += outcome.body.length;
      }
      forgetOld(nowMono);
    },
  };
}

/** A copy that holds on to nothing else: what came from a socket is a part of a larger piece. */
function ownBytes(body: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(body.length);
  body.copy(own);
  return own;
}
