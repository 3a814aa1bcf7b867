/** What the writer of usage lets through, the reader of usage takes: neither has a rule that the other does not know. */

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readUsageBatch } from "@headgate/control-plane/testing";
import {
  hostileResult,
  makeAttempt,
  openTestSpool,
  shipAll,
  startReporter,
} from "@headgate/data-plane/testing";
import fc from "fast-check";
import { expect, test } from "vitest";

test("whatever a provider has sent, the control plane reads every batch that a data plane writes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(hostileResult, { minLength: 1, maxLength: 8 }), async (results) => {
      await using directory = await mkdtempDisposable(join(tmpdir(), "headgate-usage-"));
      const { spool } = await openTestSpool(directory.path);
      for (const result of results) {
        const attempt = makeAttempt();
        await spool.open(attempt);
        await spool.settle(attempt, result, []);
      }
      const readings: unknown[] = [];
      const running = startReporter(spool, async (body) => {
        const reading = await readUsageBatch(body);
        readings.push(reading.ok ? reading.batch.events.length : reading.reason);
        return { status: 200, body: JSON.stringify({ acked_seq: spool.headSeq }) };
      });
      await shipAll(running);
      await running.reporter.stop();
      await spool.close();
      expect(readings).toEqual([results.length]);
    }),
    { numRuns: 40 },
  );
});
