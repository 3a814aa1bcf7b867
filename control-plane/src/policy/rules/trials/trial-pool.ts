/**
 * Tries conditions on threads of their own, so that none can hold up the API: each trial has a deadline, at which its
 * thread is ended, and a bound on its memory. Tenants take turns, and each has one trial under way at a time.
 */
import { Worker } from "node:worker_threads";
import type { Id } from "@headgate/sdk/contract";
import { Fault } from "../../../lib/fault.ts";
import type { TrialKind, Trials } from "./trial.ts";

export interface TrialPool {
  /**
   * Throws `api.invalid_input` naming `condition` for what takes too long or too much memory, `api.rate_limited` when too
   * many of the tenant's wait, and `api.unavailable` when too many do at all.
   */
  run<Kind extends TrialKind>(
    tenantId: Id<"tenant">,
    kind: Kind,
    asked: Trials[Kind]["asked"],
  ): Promise<Trials[Kind]["answer"]>;
  /** Ends all threads; what is under way fails. */
  close(): Promise<void>;
}

export type TrialOrder = {
  [Kind in TrialKind]: { readonly kind: Kind; readonly asked: Trials[Kind]["asked"] };
}[TrialKind];

export interface TrialPoolOptions {
  readonly threads?: number;
  /** From when the thread has it. */
  readonly deadlineMs?: number;
  /** How many of one tenant, and of all together, may wait. */
  readonly waitingPerTenantMax?: number;
  readonly waitingMax?: number;
  /** What the thread runs. */
  readonly entry?: URL;
}

interface Job {
  readonly tenantId: Id<"tenant">;
  readonly order: unknown;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (fault: Fault) => void;
}

/** The library keeps the types that it has met, so a thread is replaced after this many trials. */
const TRIALS_PER_THREAD = 500;
const BUILT = import.meta.url.endsWith(".js");
const ENTRY = new URL(`./trial-main.${BUILT ? "js" : "ts"}`, import.meta.url);

export function createTrialPool({
  threads = 2,
  deadlineMs = 5_000,
  waitingPerTenantMax = 16,
  waitingMax = 256,
  entry = ENTRY,
}: TrialPoolOptions = {}): TrialPool {
  /** Those that wait, by tenant, in the order in which the tenants' turns come. */
  const waiting = new Map<Id<"tenant">, Job[]>();
  const running = new Set<Id<"tenant">>();
  const free: Thread[] = [];
  const busy = new Set<Thread>();
  let waitingCount = 0;
  let closed = false;

  function takeNext(): Job | undefined {
    for (const [tenantId, jobs] of waiting) {
      if (running.has(tenantId)) continue;
      const job = jobs.shift();
      // Its next turn comes after everybody else's.
      waiting.delete(tenantId);
      if (jobs.length > 0) waiting.set(tenantId, jobs);
      waitingCount--;
      return job;
    }
    return undefined;
  }

  function start(): void {
    while (!closed && busy.size < threads) {
      const job = takeNext();
      if (job === undefined) return;
      const thread = free.pop() ?? startThread(entry);
      busy.add(thread);
      running.add(job.tenantId);
      void thread
        .run(job.order, deadlineMs)
        .then(job.resolve, job.reject)
        .finally(() => {
          busy.delete(thread);
          running.delete(job.tenantId);
          if (thread.isUsable() && !closed) free.push(thread);
          else void thread.end();
          start();
        });
    }
  }

  return {
    run: (tenantId, kind, asked) =>
      new Promise((resolve, reject) => {
        const jobs = waiting.get(tenantId) ?? [];
        if (closed || waitingCount >= waitingMax) return reject(new Fault("api.unavailable"));
        if (jobs.length >= waitingPerTenantMax)
          return reject(new Fault("api.rate_limited", { detail: "Too many conditions wait to be tried." }));
        // The thread answers what it is asked: the same table says both.
        jobs.push({
          tenantId,
          order: { kind, asked },
          resolve: resolve as (answer: unknown) => void,
          reject,
        });
        waiting.set(tenantId, jobs);
        waitingCount++;
        start();
      }),
    async close() {
      closed = true;
      for (const job of [...waiting.values()].flat()) job.reject(new Fault("api.unavailable"));
      waiting.clear();
      await Promise.all([...free, ...busy].map((thread) => thread.end()));
    },
  };
}

interface Thread {
  /** Rejects with a fault; the thread is of no use then. */
  run(order: unknown, deadlineMs: number): Promise<unknown>;
  isUsable(): boolean;
  end(): Promise<void>;
}

function startThread(entry: URL): Thread {
  const worker = new Worker(entry, {
    // Nothing of the process's own is within its reach by name.
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, codeRangeSizeMb: 16 },
  });
  let trials = 0;
  let usable = true;
  let settle: ((message: unknown) => void) | undefined;
  let fail: ((fault: Fault) => void) | undefined;
  const ready = new Promise<void>((resolve) => worker.once("message", () => resolve()));
  worker.on("message", (message) => settle?.(message));
  worker.on("error", (cause) => fail?.(faultOf(cause)));
  worker.once("exit", () => fail?.(new Fault("api.unavailable")));

  return {
    async run(order, deadlineMs) {
      trials++;
      worker.ref();
      let deadline: NodeJS.Timeout | undefined;
      try {
        return await new Promise((resolve, reject) => {
          fail = reject;
          void ready.then(() => {
            settle = resolve;
            deadline = setTimeout(() => reject(tooMuch("It takes too long to evaluate")), deadlineMs);
            worker.postMessage(order);
          });
        });
      } catch (fault) {
        usable = false;
        throw fault;
      } finally {
        clearTimeout(deadline);
        settle = undefined;
        fail = undefined;
        // One that waits keeps no process from ending.
        worker.unref();
      }
    },
    isUsable: () => usable && trials < TRIALS_PER_THREAD,
    async end() {
      usable = false;
      await worker.terminate();
    },
  };
}

function faultOf(cause: unknown): Fault {
  if (cause instanceof Error && "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY")
    return tooMuch("It takes too much memory to evaluate");
  return new Fault("api.unavailable", { cause });
}

function tooMuch(detail: string): Fault {
  return new Fault("api.invalid_input", {
    parameter: "condition",
    detail: `${detail}; write it in a simpler way.`,
  });
}
