/** For tests of the driver: operations whose course is told by the test, in place of processes. */
import type { OperationMessage, OperationResult } from "../provisioning/pulumi/process/operation-job.ts";
import type { OperationOrder, StartOperation } from "../provisioning/pulumi/process/operation-process.ts";

export interface ScriptedOperation {
  readonly order: OperationOrder;
  /** Its process lives. */
  readonly alive: boolean;
  readonly stopAsked: boolean;
  say(message: OperationMessage): void;
  /** It reports and ends. */
  finish(result?: Partial<OperationResult>): void;
  /** It ends without a word. */
  die(): void;
}

export interface ScriptedEngine {
  readonly startOperation: StartOperation;
  readonly operations: ScriptedOperation[];
  readonly newest: ScriptedOperation;
  /** Stacks on which a second operation began while one was alive; must stay empty. */
  readonly overlaps: string[];
}

export const WELL: OperationResult = {
  ok: true,
  changes: { create: 3 },
  planned: null,
  outputs: {
    schema: "headgate.tenant/1",
    namespace: "tenant",
    endpointUrl: "http://data-plane.test",
    serviceUrl: "http://data-plane.tenant.svc:8080",
    objects: [],
  },
  drift: null,
  errorName: null,
  message: "",
};

export function createScriptedEngine(): ScriptedEngine {
  const operations: ScriptedOperation[] = [];
  const overlaps: string[] = [];

  function startOperation(order: OperationOrder, stop: AbortSignal): AsyncIterable<OperationMessage> {
    if (operations.some((other) => other.alive && other.order.stack === order.stack))
      overlaps.push(order.stack);
    const waiting: OperationMessage[] = [];
    let news = Promise.withResolvers<void>();
    let alive = true;
    const add = (message: OperationMessage) => {
      waiting.push(message);
      news.resolve();
    };
    const die = () => {
      alive = false;
      news.resolve();
    };
    operations.push({
      order,
      get alive() {
        return alive;
      },
      get stopAsked() {
        return stop.aborted;
      },
      say: add,
      finish(result = {}) {
        add({ result: { ...WELL, ...result } });
        die();
      },
      die,
    });
    const end = () => {
      if (!alive) return;
      const failed = { ok: false, outputs: null, errorName: "CommandError", message: "update canceled" };
      add({ result: { ...WELL, ...failed } });
      die();
    };
    if (stop.aborted) end();
    stop.addEventListener("abort", end, { once: true });
    return {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const message = waiting.shift();
          if (message !== undefined) yield message;
          else if (!alive) return;
          else {
            await news.promise;
            news = Promise.withResolvers();
          }
        }
      },
    };
  }

  return {
    startOperation,
    operations,
    overlaps,
    get newest() {
      const newest = operations.at(-1);
      if (newest === undefined) throw new Error("no operation has begun");
      return newest;
    },
  };
}
