/** Supervises one operation from its begin to its end: its process, its lease, its deadline, what it says, how it ended. */
import { setTimeout as delay } from "node:timers/promises";
import type { Id } from "@headgate/sdk/contract";
import type { Database } from "../../../db/client.ts";
import { withTenant } from "../../../db/tenant-scope.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { KEPT_LEASE_MS, keepLease } from "../../keep-lease.ts";
import { renewLease } from "../../repository.ts";
import { classifyFailure, type Failure, type FailureClass } from "../decide/classify-failure.ts";
import type { EngineMessage, OperationResult } from "../process/operation-job.ts";
import type { OperationOrder, StartOperation } from "../process/operation-process.ts";
import { createRedact, redactWithin, secretsOfKubeconfig } from "../process/redact.ts";
import {
  appendEvents,
  type Begun,
  concludeOperation,
  leavesTraces,
  type NumberedEvent,
} from "../store/repository.ts";
import type { OperationMetrics } from "./operation-metrics.ts";

export interface Supervision {
  readonly begun: Begun;
  readonly order: OperationOrder;
  /** What is brought about, if it goes well. */
  readonly digest: string;
  readonly deadlineMs: number;
  /** Fires when it is to end early: its worker ends, or it was overtaken by another wish. */
  readonly stop: AbortSignal;
}

export interface Surroundings {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  readonly metrics: OperationMetrics;
  readonly startOperation: StartOperation;
  /** Ends the processes that an operation has left on this machine. */
  readonly endSurvivors: (operationId: string) => Promise<unknown>;
  /** Events of an operation were written, or its end. */
  readonly onEvents?: (operationId: Id<"operation">) => void;
}

const EVENTS_MAX = 2_000;
const FLUSH_MS = 200;

/** Never rejects: what goes wrong is written, or at least logged. */
export async function superviseOperation(
  { begun, order, digest, deadlineMs, stop }: Supervision,
  surroundings: Surroundings,
): Promise<void> {
  const { lease, operationId, mode, reason } = begun;
  const { db, clock, log, metrics, onEvents } = surroundings;
  const since = clock.monotonicMs();
  const names = { data_plane_id: lease.id, operation_id: operationId, mode, reason };
  log.info(names, "operation begins");
  const inTenant = <T>(run: Parameters<typeof withTenant<T>>[2]) => withTenant(db, lease.tenantId, run);
  const early = new AbortController();
  let stopped: Failure["stopped"] = null;
  const end = (why: NonNullable<Failure["stopped"]>) => {
    stopped ??= why;
    early.abort();
  };
  stop.addEventListener("abort", () => end("asked"), { once: true });
  const deadline = setTimeout(() => end("deadline"), deadlineMs);
  const endLease = keepLease({
    renew: (until) => inTenant((tx) => renewLease(tx, lease, until)),
    clock,
    onLost: () => end("lease"),
  });
  const writer = createEventWriter(async (events) => {
    if (await inTenant((tx) => appendEvents(tx, begun, events))) onEvents?.(operationId);
    else end("lease");
  }, clock);
  const { joinSecret } = order.spec;
  const redact = createRedact([joinSecret, order.backend, ...secretsOfKubeconfig(order.kubeconfig)]);
  let result = CUT_OFF;
  try {
    for (const lost of begun.lost) await surroundings.endSurvivors(lost);
    for await (const message of surroundings.startOperation(order, early.signal)) {
      if ("result" in message) result = redactWithin(message.result, redact) as OperationResult;
      else writer.add(redactWithin(message.event, redact) as EngineMessage);
    }
  } catch (error) {
    // Without a report it counts as cut off, and the data plane is given back like after any other end.
    log.error({ ...names, err: error }, "an operation met a fault");
  }
  clearTimeout(deadline);
  await writer.close();
  const failure = failureOf(mode, result, stopped);
  const conclusion = { at: clock.wallMs(), result, failure, digest };
  try {
    const written = await persistently(clock, () =>
      inTenant((tx) => concludeOperation(tx, begun, conclusion)),
    );
    onEvents?.(operationId);
    if (!written) metrics.countLeaseLoss();
    const seconds = (clock.monotonicMs() - since) / 1_000;
    metrics.observeOperation({ kind: mode, outcome: failure ?? "succeeded", seconds });
    if ((result.drift?.length ?? 0) > 0) metrics.countDrift();
    const facts = { ...names, seconds, changes: result.changes, failure, message: result.message };
    if (failure === null && written) log.info(facts, "operation succeeded");
    else log.warn(facts, written ? "operation failed" : "operation lost its lease");
  } catch (error) {
    log.error({ ...names, err: error }, "the end of an operation could not be written");
  } finally {
    endLease();
  }
}

function failureOf(
  mode: Begun["mode"],
  result: OperationResult,
  stopped: Failure["stopped"],
): FailureClass | null {
  if (result.ok) return null;
  const { errorName, message } = result;
  const kind = classifyFailure({ stopped, reported: result !== CUT_OFF, errorName, message });
  // Nothing was begun, so nothing was left.
  return kind === "interrupted" && !leavesTraces(mode) ? "retryable" : kind;
}

/** A database that is away for a moment is no reason to do it all again. */
async function persistently<T>(clock: Clock, write: () => Promise<T>): Promise<T> {
  const since = clock.monotonicMs();
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (clock.monotonicMs() - since >= KEPT_LEASE_MS / 2) throw error;
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
