import { gunzipSync } from "node:zlib";
import { USAGE_BATCH_BYTES_MAX } from "@headgate/sdk/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RECENT_BYTES_MAX, RECENT_EVENTS_MAX } from "../spool/recent-events.ts";
import type { Spool } from "../spool/spool.ts";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { createLedger, refused } from "../testing/ledger.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { startReporter } from "../testing/start-reporter.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import type { SendResult } from "./batch-answer.ts";
import { createReporter, type Reporter } from "./reporter.ts";

/** How long few events wait for more. */
const LINGER_MS = 1_000;

async function spend(spool: Spool, calls: number, tokens = 3): Promise<void> {
  const attempts = Array.from({ length: calls }, () => makeAttempt());
  for (const attempt of attempts) await spool.open(attempt);
  await Promise.all(attempts.map((attempt) => spool.settle(attempt, makeResult(tokens), [])));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

async function untilAcked(spool: Spool, reporter: Reporter): Promise<void> {
  while (!(await reporter.flush(1_000_000)));
  expect(spool.ackedSeq).toBe(spool.headSeq);
}

describe("reporter", () => {
  it("ships every event exactly once through drops, lost answers, faults and gaps, over restarts", async () => {
    const weather = fc.constantFrom("ok", "ok", "drop", "lost_answer", "500", "429", "garbage", "older_gap");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ calls: fc.integer({ min: 1, max: 60 }), crash: fc.boolean() }), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.array(weather, { maxLength: 25 }),
        async (rounds, forecast) => {
          using directory = temporaryDirectory();
          const ledger = createLedger();
          const send = async (body: Uint8Array): Promise<SendResult> => {
            switch (forecast.shift()) {
              case "drop":
                throw new Error("connection reset");
              case "lost_answer":
                ledger.apply(body);
                throw new Error("connection reset");
              case "500":
                return { status: 503, body: "" };
              case "429":
                return { status: 429, body: "", retryAfterMs: 7_000 };
              case "garbage":
                return { status: 200, body: "<html>" };
              case "older_gap":
                return {
                  status: 409,
                  body: JSON.stringify({ code: "usage.gap", expected_seq: ledger.watermark + 1 }),
                };
              default:
                return ledger.apply(body);
            }
          };
          let calls = 0;
          for (const round of rounds) {
            const { spool } = await openTestSpool(directory.path);
            const { reporter } = startReporter(spool, send);
            await spend(spool, round.calls);
            calls += round.calls;
            if (!round.crash) await untilAcked(spool, reporter);
            await reporter.stop();
            if (!round.crash) await spool.close();
          }
          const { spool } = await openTestSpool(directory.path);
          const { reporter } = startReporter(spool, send);
          await untilAcked(spool, reporter);
          await reporter.stop();
          await spool.close();
          expect(ledger.events.length).toBe(calls);
          expect(ledger.tokens).toBe(BigInt(calls) * 3n);
          expect(new Set(ledger.events.map((event) => event.attempt_id)).size).toBe(calls);
          expect(ledger.watermark).toBe(calls);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("keeps one batch and the newest events in memory through a long outage, no more, and empties the disk after it", async () => {
    using directory = temporaryDirectory();
    const { spool } = await openTestSpool(directory.path, { segmentBytes: 100_000 });
    const ledger = createLedger();
    let up = false;
    let largestSent = 0;
    const { reporter, seen } = startReporter(spool, async (body) => {
      largestSent = Math.max(largestSent, gunzipSync(body).length);
      if (!up) throw new Error("unreachable");
      return ledger.apply(body);
    });
    for (let round = 0; round < 10; round += 1) {
      await spend(spool, 500);
      expect(spool.recent.count).toBeLessThanOrEqual(RECENT_EVENTS_MAX);
      expect(spool.recent.bytes).toBeLessThanOrEqual(RECENT_BYTES_MAX);
    }
    const full = spool.bytes;
    await until(() => seen.now >= 4 * 3_600_000);
    expect(reporter.state).toBe("retrying");
    expect(full).toBeGreaterThan(2_000_000);
    expect(spool.oldestUnackedAt).not.toBeNull();
    expect(Math.max(...seen.sleeps)).toBeLessThanOrEqual(60_000);
    up = true;
    await untilAcked(spool, reporter);
    expect(ledger.events.length).toBe(5_000);
    expect(spool.recent.count).toBe(0);
    expect(largestSent).toBeLessThanOrEqual(USAGE_BATCH_BYTES_MAX);
    expect(ledger.batches).toBeGreaterThanOrEqual(10);
    expect(spool.segments.length).toBe(1);
    expect(spool.bytes).toBeLessThan(full / 4);
    expect(spool.oldestUnackedAt).toBeNull();
    await reporter.stop();
    await spool.close();
  });

  it("waits as long as Retry-After says, and else longer with each failure in a row", async () => {
    using directory = temporaryDirectory();
    const { spool } = await openTestSpool(directory.path);
    const ledger = createLedger();
    const answers: SendResult[] = [
      { status: 429, body: "", retryAfterMs: 42_000 },
      { status: 500, body: "" },
    ];
    const { reporter, seen } = startReporter(spool, async (body) => answers.shift() ?? ledger.apply(body));
    await spend(spool, 1);
    await untilAcked(spool, reporter);
    expect(seen.sleeps).toContain(42_000);
    expect(seen.sleeps).toContain(1_500);
    await reporter.stop();
    await spool.close();
  });

  it("stops for good when a newer writer is known", async () => {
    using directory = temporaryDirectory();
    const { spool } = await openTestSpool(directory.path);
    let sent = 0;
    const { reporter } = startReporter(spool, async () => {
      sent += 1;
      return refused(409, "usage.fenced");
    });
    await spend(spool, 3);
    await until(() => reporter.state === "fenced");
    expect(await reporter.flush(5_000)).toBe(false);
    expect(sent).toBe(1);
    expect(spool.ackedSeq).toBe(0);
    await reporter.stop();
    await spool.close();
  });

  it.each([
    refused(403, "api.forbidden"),
    { status: 409, body: JSON.stringify({ code: "usage.gap", expected_seq: 99 }) },
    { status: 409, body: JSON.stringify({ code: "usage.gap", expected_seq: 1 }) },
    { status: 200, body: JSON.stringify({ acked_seq: 2 }) },
  ])(
    "ships nothing past a batch that is refused, keeps it, and tries again each minute: %o",
    async (answer) => {
      using directory = temporaryDirectory();
      const { spool } = await openTestSpool(directory.path);
      const ledger = createLedger();
      let refusals = 3;
      const states: string[] = [];
      const { reporter, seen } = startReporter(spool, async (body) => {
        states.push(`${reporter.state} ${reporter.quarantinedBatches}`);
        if (refusals === 0) return ledger.apply(body);
        refusals -= 1;
        return answer;
      });
      await spend(spool, 3);
      await untilAcked(spool, reporter);
      expect(states).toEqual(["shipping 0", "refused 1", "refused 1", "refused 1"]);
      expect(seen.sleeps.filter((ms) => ms === 60_000).length).toBeGreaterThanOrEqual(2);
      expect(seen.faults).toHaveLength(1);
      expect(reporter.quarantinedBatches).toBe(0);
      expect(ledger.events.length).toBe(3);
      await reporter.stop();
      await spool.close();
    },
  );

  it("ends at once when it is told to, whether it waits for events or for a control plane that fails", async () => {
    using directory = temporaryDirectory();
    const { spool } = await openTestSpool(directory.path);
    const run = (send: () => Promise<SendResult>) => {
      const reporter = createReporter({
        spool,
        clock: { wallMs: () => 1_800_000_000_000, monotonicMs: () => 0 },
        random: () => 0.5,
        onFault: () => undefined,
        send,
        // A wait that begins when nobody can end it any more is one that never ends.
        sleep: (ms, signal) => {
          if (signal.aborted || ms === LINGER_MS) return Promise.resolve();
          return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        },
      });
      reporter.start();
      return reporter;
    };
    const idle = run(() => Promise.reject(new Error("nothing is to be sent")));
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([idle.flush(1_000), Promise.resolve()]);
    await idle.stop();

    const attempt = makeAttempt();
    await spool.open(attempt);
    await spool.settle(attempt, makeResult(1), []);
    const failing = Promise.withResolvers<SendResult>();
    const asked = Promise.withResolvers<void>();
    const busy = run(() => {
      asked.resolve();
      return failing.promise;
    });
    await asked.promise;
    const stopped = busy.stop();
    failing.reject(new Error("no answer"));
    await stopped;
    await spool.close();
  });
});
