/** A process that opens and settles attempts until it is killed, and says on stdout what it was promised. */
import { randomFillSync } from "node:crypto";
import { writeSync } from "node:fs";
import { CONTRACT, createIdFactory } from "@headgate/sdk/contract";
import { openSpool } from "../spool/spool.ts";
import { makeAttempt, makeResult } from "./attempts.ts";

const [, , directory = ""] = process.argv;
const newId = createIdFactory({ now: () => Date.now(), random: (bytes) => randomFillSync(bytes) });
const say = (line: string): void => void writeSync(1, `${line}\n`);

const spool = await openSpool({
  directory,
  contract: CONTRACT,
  bytesMax: 64 * 1024 * 1024,
  segmentBytes: 40_000,
  newStreamId: () => newId("stream"),
  restore: () => undefined,
  keepsCounter: () => true,
  onFault: (error) => say(`fault ${String(error)}`),
});
say("ready");

async function call(): Promise<void> {
  for (;;) {
    const attempt = makeAttempt({ attempt_id: newId("attempt") });
    if (await spool.open(attempt)) say(`open ${attempt.attempt_id}`);
    await new Promise((resolve) => setImmediate(resolve));
    await spool.settle(attempt, makeResult(1), [{ key: "budget:bud_x:total:", amount: "1" }]);
    say(`settled ${attempt.attempt_id}`);
  }
}

await Promise.all(Array.from({ length: 8 }, call));
