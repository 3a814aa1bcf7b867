/** Keeps one child process as it is wanted: running as it should, started again when it ends unasked, or stopped. */
import { setTimeout as delay } from "node:timers/promises";
import { type Backoff, backoffMs } from "@headgate/sdk/backoff";
import type { Clock } from "../../lib/clock.ts";
import { shareOf } from "../../lib/share-of.ts";
import {
  adoptProcess,
  forgetProcess,
  type Launch,
  type ManagedProcess,
  type OrphanMark,
  startProcess,
  stopProcess,
} from "./child-process.ts";

export interface Wanted {
  /** A running process of another digest is replaced. */
  readonly digest: string;
  /** Asked before each start. */
  launch(): Promise<Launch>;
}

export interface RestartTiming extends Backoff {
  /** After having run for so long, an end counts as the first again. */
  readonly healthyMs: number;
}

export interface SupervisorOptions {
  readonly directory: string;
  readonly orphan: OrphanMark;
  readonly timing: RestartTiming;
  readonly clock: Clock;
  /** The time that a process gets to end by itself. */
  readonly stopDeadlineMs: () => number;
  /** Called when it started, ended or was replaced. */
  readonly onChange: (event: "started" | "adopted" | "ended" | "stopped" | "failed", detail: string) => void;
}

export interface Supervisor {
  readonly phase: "absent" | "restarting" | "running" | "draining";
  readonly restarts: number;
  /** Resolves once the child runs as wanted, its start has failed, or its predecessor is being drained. */
  want(wanted: Wanted): Promise<void>;
  /** Asks the child to end; `idle` tells when it has. */
  stop(): void;
  /** Ends the supervision and leaves the child as it is. */
  release(): void;
  /** Resolves when nothing is left to do: stopped or released. */
  readonly idle: Promise<void>;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { directory, clock, onChange } = options;
  const { timing } = options;
  let wanted: Wanted | undefined;
  let released = false;
  let changed = new AbortController();
  let current: ManagedProcess | undefined;
  let phase: Supervisor["phase"] = "absent";
  let restarts = 0;
  /** Ends in a row. */
  let failures = 0;
  let idle: Promise<void> = Promise.resolve();
  let working = false;
  let settled = Promise.withResolvers<void>();

  function act(): void {
    changed.abort();
    if (working) return;
    working = true;
    idle = converge().finally(() => {
      working = false;
      settled.resolve();
      if (wanted !== undefined && !released) act();
    });
  }

  /** Level-triggered: each turn looks at what is there and what is wanted, and takes one step. */
  async function converge(): Promise<void> {
    while (!released) {
      changed = new AbortController();
      const turn = changed.signal;
      try {
        current ??= await adopted();
        if (wanted === undefined) {
          await stopCurrent();
          phase = "absent";
          return;
        }
        if (current !== undefined && (current.record.digest !== wanted.digest || isStopping(current))) {
          await stopCurrent();
          continue;
        }
        current ??= await started(wanted);
      } catch (error) {
        await rest("failed", error instanceof Error ? error.message : "unknown", 0, turn);
        continue;
      }
      phase = "running";
      settled.resolve();
      const since = clock.monotonicMs();
      if (!(await settledOrAborted(current.ended(turn), turn))) continue;
      current = undefined;
      if (wanted !== undefined && !released) await rest("ended", "", clock.monotonicMs() - since, turn);
    }
  }

  async function adopted(): Promise<ManagedProcess | undefined> {
    const found = await adoptProcess(directory, options.orphan);
    if (found !== undefined) onChange("adopted", `pid ${found.record.pid}`);
    return found;
  }

  async function started(want: Wanted): Promise<ManagedProcess> {
    const child = await startProcess(directory, await want.launch());
    onChange("started", `pid ${child.record.pid}`);
    return child;
  }

  async function stopCurrent(): Promise<void> {
    if (current === undefined) return;
    phase = "draining";
    settled.resolve();
    await stopProcess(directory, current, {
      deadlineMs: options.stopDeadlineMs(),
      now: () => clock.wallMs(),
    });
    current = undefined;
    await forgetProcess(directory);
    onChange("stopped", "");
  }

  async function rest(
    event: "ended" | "failed",
    detail: string,
    ranMs: number,
    turn: AbortSignal,
  ): Promise<void> {
    restarts += 1;
    failures = ranMs >= timing.healthyMs ? 1 : failures + 1;
    phase = "restarting";
    settled.resolve();
    onChange(event, detail);
    const waitMs = backoffMs(timing, failures, shareOf(`${directory}|${failures}`));
    await settledOrAborted(delay(waitMs, undefined, { signal: turn }), turn);
  }

  return {
    get phase() {
      return phase;
    },
    get restarts() {
      return restarts;
    },
    get idle() {
      return idle;
    },
    want(next) {
      if (wanted?.digest === next.digest && working) return settled.promise;
      wanted = next;
      settled = Promise.withResolvers();
      act();
      return settled.promise;
    },
    stop() {
      wanted = undefined;
      phase = "draining";
      act();
    },
    release() {
      released = true;
      act();
    },
  };
}

const isStopping = (found: ManagedProcess) => found.record.stopRequestedAt !== null;

/** True when the work settled, false when the turn was cut short; any other failure is thrown. */
async function settledOrAborted(work: Promise<unknown>, turn: AbortSignal): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (turn.aborted) return false;
    throw error;
  }
}
