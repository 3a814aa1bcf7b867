/** Supervises one claimed operation to its end: its process, its lease, its deadline, what it says, and how it ended. */
import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "../../../db/client.ts";
import { withTenant } from "../../../db/tenant-scope.ts";
import type { Clock } from "../../../lib/clock.ts";
import {
  classifyFailure,
  type Failure,
  type FailureClass,
  retryDelayMs,
} from "../decide/classify-failure.ts";
import type { EngineMessage, OperationResult } from "../process/operation-job.ts";
import type { OperationOrder, StartOperation } from "../process/operation-process.ts";
import { createRedact, redactWithin, secretsOfKubeconfig } from "../process/redact.ts";
import {
  appendEvents,
  concludeOperation,
  leavesTraces,
  type NumberedEvent,
  renewClaim,
  type StackClaim,
} from "../store/repository.ts";
import { keepLease, LEASE_MS } from "../store/stack-lease.ts";

export interface Supervision {
  readonly claim: StackClaim;
  readonly order: OperationOrder;
  /** What is brought about, if it goes well. */
  readonly digest: string | null;
  readonly deadlineMs: number;
  /** Fires when it is to end early: its worker ends, or it was overtaken by another wish. */
  readonly stop: AbortSignal;
}

export interface SupervisionDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly startOperation: StartOperation;
  /** In [0, 1). */
  readonly chance: () => number;
  /** After each write of events, and at the end. */
  readonly onEvents?: (claim: StackClaim) => void;
  /** What went wrong beside the engine: its process could not be started, or its events not be kept. */
  readonly onFault?: (error: unknown) => void;
}

export interface OperationEnd {
  readonly result: OperationResult;
  /** Null when it went well. */
  readonly failure: FailureClass | null;
  /** False when the lease was lost, and with it the right to write. */
  readonly written: boolean;
}

const EVENTS_MAX = 2_000;
const FLUSH_MS = 200;

export async function superviseOperation(
  supervision: Supervision,
  deps: SupervisionDeps,
): Promise<OperationEnd> {
  const { claim, order } = supervision;
  const { db, clock } = deps;
  const inTenant = <T>(run: Parameters<typeof withTenant<T>>[2]) => withTenant(db, claim.tenantId, run);
  const running = deps.startOperation(order);
  let stopped: Failure["stopped"] = null;
  const stop = (why: NonNullable<Failure["stopped"]>) => {
    stopped ??= why;
    running.stop();
  };
  const onStop = () => stop("asked");
  supervision.stop.addEventListener("abort", onStop, { once: true });
  if (supervision.stop.aborted) onStop();
  const deadline = setTimeout(() => stop("deadline"), supervision.deadlineMs);
  const endLease = keepLease({
    renew: (until) => inTenant((tx) => renewClaim(tx, claim, until)),
    clock,
    onLost: () => stop("lease"),
  });
  const writer = createEventWriter(async (events) => {
    const mine = await inTenant((tx) => appendEvents(tx, claim, events));
    if (mine) deps.onEvents?.(claim);
    else stop("lease");
  }, clock);
  const redact = createRedact([
    order.spec.joinSecret,
    order.backend,
    ...secretsOfKubeconfig(order.kubeconfig),
  ]);
  let reported: OperationResult | undefined;
  try {
    for await (const message of running) {
      if ("result" in message) reported = redactWithin(message.result, redact) as OperationResult;
      else writer.add(redactWithin(message.event, redact) as EngineMessage);
    }
  } catch (error) {
    // Without a report it counts as cut off, and the stack is given back like after any other end.
    deps.onFault?.(error);
  } finally {
    clearTimeout(deadline);
    supervision.stop.removeEventListener("abort", onStop);
  }
  await writer.close().catch((error: unknown) => deps.onFault?.(error));
  const result = reported ?? CUT_OFF;
  const failure = verdict(result, { stopped, reported: reported !== undefined });
  const failures = claim.stack.failures + 1;
  const at = clock.wallMs();
  const written = await persistently(clock, () =>
    inTenant((tx) =>
      concludeOperation(tx, claim, {
        at,
        result,
        digest: supervision.digest,
        failure:
          failure === null
            ? null
            : {
                kind: failure,
                retryAt: at + retryDelayMs(failure, failures, deps.chance()),
                digest: supervision.digest,
              },
      }),
    ),
  ).finally(endLease);
  deps.onEvents?.(claim);
  return { result, failure, written };

  function verdict(given: OperationResult, how: Pick<Failure, "stopped" | "reported">): FailureClass | null {
    if (given.ok) return null;
    const kind = classifyFailure({ ...how, errorName: given.errorName, message: given.message });
    // Nothing was begun, so nothing was left.
    return kind === "interrupted" && !leavesTraces(claim.mode) ? "retryable" : kind;
  }
}

/** A database that is away for a moment is no reason to do it all again. */
async function persistently<T>(clock: Clock, write: () => Promise<T>): Promise<T> {
  const since = clock.monotonicMs();
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (clock.monotonicMs() - since >= LEASE_MS / 2) throw error;
      await delay(WRITE_AGAIN_MS);
    }
  }
}

const WRITE_AGAIN_MS = 1_000;

const CUT_OFF: OperationResult = {
  ok: false,
  changes: {},
  planned: null,
  outputs: null,
  drift: null,
  errorName: null,
  message: "it was cut off",
};

/** Writes events in small batches, in their order, and no more than so many of one operation. */
function createEventWriter(write: (events: NumberedEvent[]) => Promise<void>, clock: Clock) {
  let waiting: NumberedEvent[] = [];
  let seq = 0;
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    timer = undefined;
    const batch = waiting;
    waiting = [];
    // A database that is away costs events, not the operation: its end is written on its own.
    if (batch.length > 0) writing = writing.then(() => write(batch)).catch(() => undefined);
  };
  return {
    add(event: EngineMessage) {
      if (seq >= EVENTS_MAX) return;
      seq += 1;
      waiting.push({ ...event, seq, at: clock.wallMs() });
      timer ??= setTimeout(flush, FLUSH_MS);
    },
    async close() {
      clearTimeout(timer);
      flush();
      await writing;
    },
  };
}
