/** Events that the contract, an older one or the ledger does not take. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type UsageEvent, usageEvent } from "@headgate/sdk/contract";
import { makeModelSubject } from "@headgate/sdk/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admissible, isAdmissible } from "../admissible.ts";
import { appendSettle, createRecordBuffer, type RecordBuffer } from "../spool/record.ts";
import type { Spool } from "../spool/spool.ts";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { hostileResult } from "../testing/hostile-result.ts";
import { createLedger, refused } from "../testing/ledger.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { readSpool } from "../testing/read-spool.ts";
import { shipAll, startReporter } from "../testing/start-reporter.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import type { AttemptResult } from "../usage-recorder.ts";
import { usageState } from "../usage-state.ts";

async function settleAll(spool: Spool, results: readonly AttemptResult[]): Promise<void> {
  for (const result of results) {
    const attempt = makeAttempt();
    await spool.open(attempt);
    await spool.settle(attempt, result, []);
  }
}

describe("a result that comes from outside", () => {
  it("is admitted only where the contract takes it, and what is said in its place always is", () => {
    fc.assert(
      fc.property(hostileResult, (result) => {
        const event = (one: AttemptResult, status = "settled") =>
          JSON.parse(JSON.stringify({ ...makeAttempt(), seq: 1, status, ...one }));
        if (isAdmissible(result)) expect(usageEvent.safeParse(event(result)).error).toBeUndefined();
        const { status, result: said } = admissible(result);
        expect(usageEvent.safeParse(event(said, status)).error).toBeUndefined();
        expect(isAdmissible(said)).toBe(true);
        expect(said.inconsistent).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("never holds back what others have used: all of it is shipped, whatever a provider has sent", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hostileResult, { minLength: 1, maxLength: 5 }), async (results) => {
        using directory = temporaryDirectory();
        const { spool } = await openTestSpool(directory.path);
        await settleAll(spool, [makeResult(2), ...results, makeResult(5)]);
        const ledger = createLedger();
        const running = startReporter(spool, async (body) => ledger.apply(body));
        await shipAll(running);
        expect(ledger.refusals).toBe(0);
        expect(ledger.events).toHaveLength(results.length + 2);
        await running.reporter.stop();
        await spool.close();
      }),
      { numRuns: 30 },
    );
  });

  it("leaves a mark: the event says that it is inconsistent, and a call of which the use is not known counts as lost", async () => {
    using directory = temporaryDirectory();
    const { spool, faults } = await openTestSpool(directory.path);
    await settleAll(spool, [
      makeResult(7, { http_status: 999 }),
      makeResult(1, { usage: { input_uncached: 2 ** 53 } }),
    ]);
    expect(readSpool(directory.path).events).toMatchObject([
      { status: "settled", http_status: 0, usage: { input_uncached: 7 }, inconsistent: true },
      { status: "unsettled", usage: {}, accuracy: "none", inconsistent: true },
    ]);
    expect(spool).toMatchObject({ markedEvents: 2, lostEvents: 1 });
    expect(faults).toHaveLength(1);
    await spool.close();
  });
});

function recordOf(event: UsageEvent): RecordBuffer {
  const buffer = createRecordBuffer();
  const { attempt_id: attemptId, seq } = event;
  appendSettle(buffer, { attemptId, seq, json: JSON.stringify(event), charges: [] });
  return buffer;
}

describe("an event that is not taken as it is", () => {
  it("is found, kept, and shipped as the same attempt in other words; all others are shipped as they are, once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ tokens: fc.integer({ min: 1, max: 9 }), bad: fc.boolean() }), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.nat(40),
        async (calls, lostAnswer) => {
          using directory = temporaryDirectory();
          let { spool } = await openTestSpool(directory.path);
          // For whatever reason.
          const ledger = createLedger(({ usage }) => (usage["input_uncached"] ?? 0) < 10);
          const results = calls.map(({ tokens, bad }) => makeResult(bad ? tokens + 10 : tokens));
          await settleAll(spool, results);
          let sent = 0;
          let running = startReporter(spool, async (body) => {
            sent += 1;
            const answer = ledger.apply(body);
            if (sent === lostAnswer) throw new Error("the answer is lost");
            return answer;
          });
          await shipAll(running);
          const good = calls.filter(({ bad }) => !bad);
          expect(ledger.events.map(({ status }) => status)).toEqual(
            calls.map(({ bad }) => (bad ? "unsettled" : "settled")),
          );
          expect(ledger.tokens).toBe(good.reduce((sum, { tokens }) => sum + BigInt(tokens), 0n));
          expect(spool.substitutes.count).toBe(calls.length - good.length);
          expect(spool.lostEvents).toBe(calls.length - good.length);
          expect(running.reporter.quarantinedBatches).toBe(0);
          await running.reporter.stop();
          await spool.close();

          ({ spool } = await openTestSpool(directory.path));
          await settleAll(spool, [makeResult(1)]);
          running = startReporter(spool, async (body) => ledger.apply(body));
          await shipAll(running);
          expect(ledger.events).toHaveLength(calls.length + 1);
          const { totals, head_seq } = usageState(spool, running.reporter);
          expect(BigInt(totals["input_uncached"] ?? 0)).toBe(ledger.tokens);
          expect(head_seq).toBe(calls.length + 1);
          await running.reporter.stop();
          await spool.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  it("is shipped with what can be said of it where an earlier program wrote what the contract has no words for", async () => {
    using directory = temporaryDirectory();
    const attempt = makeAttempt();
    const { spool } = await openTestSpool(directory.path);
    await spool.open(attempt);
    const event: UsageEvent = {
      seq: 1,
      status: "settled",
      ...attempt,
      ...makeResult(6, { http_status: 700 }),
    };
    const { bytes, length } = recordOf(event);
    appendFileSync(spool.segments.at(-1)?.path ?? "", bytes.subarray(0, length));
    await spool.close();

    const { spool: found } = await openTestSpool(directory.path);
    await settleAll(found, [makeResult(1)]);
    const ledger = createLedger();
    const running = startReporter(found, async (body) => ledger.apply(body));
    await shipAll(running);
    expect(ledger.events).toMatchObject([
      {
        attempt_id: attempt.attempt_id,
        status: "settled",
        http_status: 0,
        usage: { input_uncached: 6 },
        inconsistent: true,
      },
      { status: "settled", usage: { input_uncached: 1 } },
    ]);
    expect(found.lostEvents).toBe(0);
    expect(readFileSync(join(directory.path, "substitutes")).includes('"http_status":700')).toBe(true);
    await running.reporter.stop();
    await found.close();
  });

  it("holds the stream where not even its attempt can be said, and says so", async () => {
    using directory = temporaryDirectory();
    const { spool } = await openTestSpool(directory.path);
    const attempt = makeAttempt({ subject: makeModelSubject({ endpoint: "endpoint_of_tomorrow" }) });
    await spool.open(attempt);
    await spool.settle(attempt, makeResult(1), []);
    const { reporter } = startReporter(spool, async () => refused(422, "usage.invalid_batch"), 1);
    while (reporter.quarantinedBatches === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(spool.ackedSeq).toBe(0);
    await reporter.stop();
    await spool.close();
  });
});
