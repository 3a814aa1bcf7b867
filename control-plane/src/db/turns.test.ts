import fc from "fast-check";
import { expect, test } from "vitest";
import { createTurns, type Turns } from "./turns.ts";

type Work = "requests" | "usage";

const LANE = { waitingOfOneMax: 1_000, waitingMax: 1_000 };
const LANES = {
  requests: { slots: 3, share: 2, ...LANE },
  usage: { slots: 2, share: 1, ...LANE },
};

/** Takes a turn and says when it has begun. */
function ask(turns: Turns<Work>, work: Work, who: string, begun: string[]): Promise<() => void> {
  return turns.take(work, who).then((end) => {
    begun.push(who);
    return end;
  });
}

/** So that whatever can begin has. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("whoever asks for everything at once leaves the next one a turn that waits for none of his", async () => {
  const turns = createTurns<Work>({ slots: 5, lanes: LANES, waitMs: 10_000 });
  const begun: string[] = [];
  const greedy = Array.from({ length: 100 }, () => ask(turns, "requests", "greedy", begun));
  await settled();
  expect(begun).toEqual(["greedy", "greedy"]);
  (await ask(turns, "requests", "modest", begun))();
  expect(begun).toEqual(["greedy", "greedy", "modest"]);
  for (const turn of greedy) (await turn)();
  expect(begun).toHaveLength(101);
});

test("on one connection those who wait take turns, each kind of work and each of a kind, whatever one has asked for before", async () => {
  const one = { slots: 1, share: 1, ...LANE };
  const turns = createTurns<Work>({ slots: 1, lanes: { requests: one, usage: one }, waitMs: 10_000 });
  const begun: string[] = [];
  const all = [
    ...Array.from({ length: 4 }, () => ask(turns, "requests", "greedy", begun)),
    ask(turns, "requests", "modest", begun),
    ask(turns, "usage", "reporter", begun),
  ];
  const ended = all.map(async (turn) => (await turn)());
  await Promise.all(ended);
  expect(begun.indexOf("modest")).toBeLessThanOrEqual(3);
  expect(begun.indexOf("reporter")).toBeLessThanOrEqual(2);
  expect(begun).toHaveLength(6);
});

test("who has too much waiting is told so, and others only where all have", async () => {
  const few = { slots: 1, share: 1, waitingOfOneMax: 2, waitingMax: 3 };
  const turns = createTurns<Work>({ slots: 2, lanes: { requests: few, usage: few }, waitMs: 10_000 });
  const begun: string[] = [];
  const mine = [1, 2, 3].map(() => ask(turns, "requests", "greedy", begun));
  await expect(turns.take("requests", "greedy")).rejects.toMatchObject({ code: "api.rate_limited" });
  const other = ask(turns, "requests", "modest", begun);
  await expect(turns.take("requests", "third")).rejects.toMatchObject({ code: "api.unavailable" });
  (await turns.take("usage", "third"))();
  await Promise.all([...mine, other].map(async (turn) => (await turn)()));
  expect(begun).toHaveLength(4);
});

test("nobody waits for ever, and a turn that was given up is nobody's", async () => {
  const turns = createTurns<Work>({ slots: 5, lanes: LANES, waitMs: 5 });
  const [first, second] = [await turns.take("requests", "a"), await turns.take("requests", "a")];
  await expect(turns.take("requests", "a")).rejects.toMatchObject({ code: "api.rate_limited" });
  const third = await turns.take("requests", "b");
  await expect(turns.take("requests", "c")).rejects.toMatchObject({ code: "api.unavailable" });
  for (const end of [first, second, third]) end();
  first();
  for (const who of ["a", "a", "b"]) await turns.take("requests", who);
});

test("whatever is asked in whatever order, no bound is passed and every turn comes", async () => {
  const asked = fc.record({
    work: fc.constantFrom<Work>("requests", "usage"),
    who: fc.constantFrom("a", "b", "c"),
    steps: fc.integer({ min: 0, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(asked, { maxLength: 40 }), async (all) => {
      const turns = createTurns<Work>({ slots: 4, lanes: LANES, waitMs: 10_000 });
      const running: { work: Work; who: string }[] = [];
      await Promise.all(
        all.map(async (one) => {
          const end = await turns.take(one.work, one.who);
          running.push(one);
          expect(running.length).toBeLessThanOrEqual(4);
          for (const work of ["requests", "usage"] as const) {
            const own = running.filter((other) => other.work === work);
            expect(own.length).toBeLessThanOrEqual(LANES[work].slots);
            const ofOne = own.filter(({ who }) => who === one.who).length;
            expect(ofOne).toBeLessThanOrEqual(LANES[work].share);
          }
          for (let step = 0; step < one.steps; step += 1) await settled();
          running.splice(running.indexOf(one), 1);
          end();
        }),
      );
      expect(running).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
