import fc from "fast-check";
import { expect, test } from "vitest";
import { createIdempotencyKeys, type KeptAnswer } from "./idempotency-keys.ts";

const BOUNDS = { keysMax: 3, keptMs: 1_000, answerBytesMax: 10, bytesMax: 15 };
const answer = (bytes: number): KeptAnswer => ({
  status: 200,
  contentType: "application/json",
  body: Buffer.alloc(bytes),
});

test("a complete call is answered again with its own answer until its time is over, and then may run", () => {
  const keys = createIdempotencyKeys(BOUNDS);
  const first = answer(5);
  expect(keys.claim("a", "x", 0)).toBeUndefined();
  expect(keys.claim("a", "x", 0)).toBe("in_progress");
  keys.finish("a", first, 0);
  expect(keys.claim("a", "x", 999)).toEqual(first);
  expect(keys.claim("a", "y", 999)).toBe("mismatch");
  expect(keys.claim("a", "x", 1_000)).toBeUndefined();
});

test("where an answer is not kept that is said, and a call that came to nothing may run again", () => {
  const keys = createIdempotencyKeys(BOUNDS);
  for (const [key, outcome] of [
    ["stream", "unkept"],
    ["large", answer(11)],
    ["failed", "nothing"],
  ] as const) {
    keys.claim(key, "x", 0);
    keys.finish(key, outcome, 0);
  }
  expect(keys.claim("stream", "x", 1)).toBe("not_kept");
  expect(keys.claim("large", "x", 1)).toBe("not_kept");
  expect(keys.claim("failed", "x", 1)).toBeUndefined();
});

test("no history of calls keeps more than its bounds, runs one key twice at once, or gives away another's answer", () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    bytes: fc.integer({ min: 0, max: 12 }),
    outcome: fc.constantFrom("answer", "unkept", "nothing"),
    waits: fc.nat(600),
    ends: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const keys = createIdempotencyKeys(BOUNDS);
      const running = new Set<string>();
      const answers = new Map<string, KeptAnswer>();
      let now = 0;
      for (const { key, bytes, outcome, waits, ends } of steps) {
        now += waits;
        const claim = keys.claim(key, key, now);
        expect(claim === "in_progress").toBe(running.has(key));
        if (typeof claim === "object") expect(claim).toEqual(answers.get(key));
        if (claim === undefined) running.add(key);
        if (!ends || !running.delete(key)) continue;
        const given = answer(bytes);
        answers.set(key, given);
        keys.finish(key, outcome === "answer" ? given : outcome, now);
      }
      const all = ["a", "b", "c", "d", "e", "f"].filter((key) => !running.has(key));
      const kept = all.map((key) => keys.claim(key, key, now)).filter((claim) => claim !== undefined);
      expect(kept.length).toBeLessThanOrEqual(BOUNDS.keysMax + running.size);
      const bytes = kept.reduce((sum, claim) => sum + (typeof claim === "object" ? claim.body.length : 0), 0);
      expect(bytes).toBeLessThanOrEqual(BOUNDS.bytesMax);
    }),
  );
});
