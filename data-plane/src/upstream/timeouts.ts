/**
 * The time an attempt may take: to its first byte, between two bytes, and in all. One timer runs at a time, and bytes
 * only note when they came. The time to connect is the connection pool's.
 */
import type { TargetTimeouts } from "@headgate/sdk/contract";
import type { Clock } from "../lib/clock.ts";

/** `idle`: the answer has not begun, or has not gone on, in its time. `rest`: what should follow at once did not. */
export type TimeLimit = "idle" | "total" | "rest";

/** For what a provider has still to send when it has said its last. */
const REST_MS = 1_000;

export interface TimeLimited {
  onTimeLimit(limit: TimeLimit): void;
}

export class AttemptTimer {
  readonly #timeouts: TargetTimeouts;
  readonly #clock: Clock;
  readonly #owner: TimeLimited;
  readonly #startedMs: number;
  /** Monotonic; undefined until the answer has begun. */
  #lastActivityMs: number | undefined;
  #timer: NodeJS.Timeout;
  #wrapsUp = false;

  constructor(timeouts: TargetTimeouts, clock: Clock, owner: TimeLimited) {
    this.#timeouts = timeouts;
    this.#clock = clock;
    this.#owner = owner;
    this.#startedMs = clock.monotonicMs();
    this.#timer = setTimeout(expire, Math.min(timeouts.first_byte_ms, timeouts.total_ms), this);
  }

  answerStarts(): void {
    this.active();
    this.#restart(this.#timeouts.idle_ms);
  }

  /** The answer goes on. */
  active(): void {
    this.#lastActivityMs = this.#clock.monotonicMs();
  }

  /** Nothing but the end of the connection or of the body is waited for. */
  wrapUp(): void {
    if (this.#wrapsUp) return;
    this.#wrapsUp = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(expire, REST_MS, this);
  }

  elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#startedMs;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  expire(): void {
    const idleLeftMs =
      this.#lastActivityMs === undefined
        ? 0
        : this.#lastActivityMs + this.#timeouts.idle_ms - this.#clock.monotonicMs();
    if (this.#wrapsUp) this.#owner.onTimeLimit("rest");
    else if (this.#totalLeftMs() <= 0) this.#owner.onTimeLimit("total");
    else if (idleLeftMs > 1) this.#restart(idleLeftMs);
    else this.#owner.onTimeLimit("idle");
  }

  #restart(idleMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(expire, Math.min(idleMs, this.#totalLeftMs()), this);
  }

  #totalLeftMs(): number {
    return this.#startedMs + this.#timeouts.total_ms - this.#clock.monotonicMs();
  }
}

function expire(timer: AttemptTimer): void {
  timer.expire();
}
