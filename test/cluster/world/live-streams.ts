/** Streams that are held open, and calls that follow each other, while something happens to the pods behind them. */
import { setTimeout as delay } from "node:timers/promises";
import type { ClusterTenant } from "./cluster-tenant.ts";

export interface StreamEnd {
  /** It ended as a stream of its dialect does: with its last event. */
  readonly whole: boolean;
  readonly status: number;
  readonly events: number;
  /** What went wrong, else empty. */
  readonly fault: string;
}

export interface LiveStreams {
  /** Resolves when each has had its first event. */
  readonly open: Promise<void>;
  /** Resolves when all have ended, in whatever way. */
  readonly ended: Promise<readonly StreamEnd[]>;
  /** Those that have had their first event and go on. */
  running(): number;
}

/** Opens them over as many connections, a few milliseconds apart. */
export function openStreams(tenant: ClusterTenant, count: number, model = "gpt-sim-slow"): LiveStreams {
  const opened: Promise<void>[] = [];
  let running = 0;
  const ends = Array.from({ length: count }, async (_, index): Promise<StreamEnd> => {
    const first = Promise.withResolvers<void>();
    opened.push(first.promise);
    await delay(index * 5);
    let events = 0;
    let status = 0;
    let tail = "";
    try {
      const answer = await tenant.call("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify({
          model,
          stream: true,
          messages: [{ role: "user", content: "Tell me of the canal." }],
        }),
      });
      status = answer.status;
      const decoder = new TextDecoder();
      for await (const chunk of answer.body ?? []) {
        const text = decoder.decode(chunk as Uint8Array, { stream: true });
        if (events === 0) {
          running += 1;
          first.resolve();
        }
        events += text.split("\n\n").length - 1;
        tail = (tail + text).slice(-64);
      }
      const whole = status === 200 && tail.trimEnd().endsWith("data: [DONE]");
      return { whole, status, events, fault: whole ? "" : `it ended with ${JSON.stringify(tail)}` };
    } catch (error) {
      return {
        whole: false,
        status,
        events,
        fault: error instanceof Error ? describe(error) : String(error),
      };
    } finally {
      if (events > 0) running -= 1;
      first.resolve();
    }
  });
  return {
    open: Promise.all(opened).then(() => undefined),
    ended: Promise.all(ends),
    running: () => running,
  };
}

export interface SteadyCalls {
  /** Those that were answered. */
  readonly answered: number;
  /** What went wrong with the others. */
  readonly failures: readonly string[];
  /** Resolves when the last of them has ended. */
  stop(): Promise<void>;
}

/** So many callers, each with one call after the other and a pause between them, each over a new connection. */
export function steadyCalls(
  tenant: Pick<ClusterTenant, "chat">,
  { callers, pauseMs = 0 }: { readonly callers: number; readonly pauseMs?: number },
): SteadyCalls {
  const failures: string[] = [];
  let answered = 0;
  let goesOn = true;
  const all = Promise.all(
    Array.from({ length: callers }, async () => {
      for (; goesOn; await delay(pauseMs)) {
        try {
          const answer = await tenant.chat();
          const body = await answer.text();
          if (answer.status === 200) answered += 1;
          else failures.push(`${answer.status} ${body}`);
        } catch (error) {
          failures.push(error instanceof Error ? describe(error) : String(error));
        }
      }
    }),
  );
  return {
    get answered() {
      return answered;
    },
    failures,
    stop: async () => {
      goesOn = false;
      await all;
    },
  };
}

function describe(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
