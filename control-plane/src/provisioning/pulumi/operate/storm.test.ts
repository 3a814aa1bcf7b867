/**
 * Workers that come, die at any moment and come again, engines that fail and die, wishes that change in between: there
 * is never more than one living operation for a stack, and in the end what is wanted is there.
 */
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { OpenDatabase } from "../../../db/client.ts";
import {
  type DriverFixture,
  type FixtureWorker,
  openDriverFixture,
  setPlan,
} from "../../../testing/driver-fixture.ts";
import { openTestDatabase } from "../../../testing/open-test-database.ts";
import type { ScriptedOperation } from "../../../testing/scripted-engine.ts";
import type { ObservedDataPlane } from "../../provisioner.ts";

let database: OpenDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(
  () => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] }),
);
afterEach(() => void vi.useRealTimers());

const PLANS = ["starter", "team", "enterprise"] as const;
/** A process whose worker is gone ends by itself within this time. */
const ORPHAN_MS = 30_000;

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("ask" as const), worker: fc.nat(1) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("finish" as const),
      how: fc.constantFrom("well", "failed", "locked", "dead"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("kill" as const), worker: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("end" as const), worker: fc.nat(1) }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("wait" as const), seconds: fc.constantFrom(1, 20, 100, 700) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("wish" as const), plan: fc.nat(2) }) },
);

interface Worker {
  worker: FixtureWorker;
  holder: string;
  alive: boolean;
  /** Fires when it dies: nothing of it is heard any more. */
  grave: PromiseWithResolvers<never>;
}

test.each([
  ["on one machine, where it shows that another worker is gone", true],
  ["on machines that know nothing of each other but their leases", false],
])(
  "%s",
  async (_, together) => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 4, maxLength: 25 }), async (actions) => {
        const fixture = await openDriverFixture(database);
        let target = await fixture.tenant();
        const gone = new Set<string>();
        const orphans = new Map<ScriptedOperation, number>();
        let started = 0;

        const worker = (): Worker => {
          started += 1;
          const holder = `worker-${started}`;
          const self: Worker = {
            holder,
            alive: true,
            grave: Promise.withResolvers(),
            worker: undefined as never,
          };
          self.worker = fixture.worker({
            holder,
            isGone: async (other) => together && gone.has(other),
            endSurvivors: async (id) => {
              for (const operation of fixture.engine.operations)
                if (together && operation.order.operationId === id) operation.die();
            },
            // What it has started goes on for a while when it dies; what that says is heard by nobody.
            startOperation: (order, stop) => {
              const heard = new AbortController();
              stop.addEventListener("abort", () => self.alive && heard.abort());
              const running = fixture.engine.startOperation(order, heard.signal);
              const operation = fixture.engine.newest;
              owners.set(operation, self);
              return {
                async *[Symbol.asyncIterator]() {
                  for await (const message of running) {
                    if (!self.alive) await self.grave.promise;
                    yield message;
                  }
                  if (!self.alive) await self.grave.promise;
                },
              };
            },
          });
          return self;
        };
        const owners = new Map<ScriptedOperation, Worker>();
        const workers = [worker(), worker()];

        const advance = async (seconds: number) => {
          for (let left = seconds * 1_000, ms = 0; left > 0; left -= ms) {
            // In steps as long as somebody has a lease to renew, or something is to end in between.
            const isBusy = fixture.engine.operations.some(({ alive }) => alive);
            ms = isBusy ? Math.min(left, 15_000) : left;
            fixture.clock.advance(ms);
            // Those of the dead tick no more: their timers were theirs.
            vi.advanceTimersByTime(ms);
            for (const [operation, since] of orphans)
              if (fixture.clock.wallMs() - since >= ORPHAN_MS) operation.die();
            await fixture.settle();
          }
        };
        const kill = (index: number) => {
          const dying = workers[index];
          if (dying === undefined) return;
          dying.alive = false;
          gone.add(dying.holder);
          for (const [operation, owner] of owners)
            if (owner === dying && operation.alive) orphans.set(operation, fixture.clock.wallMs());
          workers[index] = worker();
        };

        for (const step of actions) {
          if (step.type === "ask") await ask(workers[step.worker], target);
          else if (step.type === "finish") finish(fixture, step.how);
          else if (step.type === "kill") kill(step.worker);
          else if (step.type === "end") {
            await workers[step.worker]?.worker.end();
            workers[step.worker] = worker();
          } else if (step.type === "wait") await advance(step.seconds);
          else target = await setPlan(fixture, target, PLANS[step.plan] ?? "team");
          await fixture.settle();
          expect(fixture.engine.overlaps).toEqual([]);
        }

        for (let round = 0; round < 12; round += 1) {
          await advance(700);
          if ((await ask(workers[0], target))?.current === true) break;
          finish(fixture, "well");
          await fixture.settle();
        }
        for (const each of workers) await ask(each, target);
        expect(await ask(workers[0], target)).toMatchObject({ phase: "running", current: true });
        expect(await fixture.stackOf(target)).toMatchObject({ interrupted: false, failures: 0 });
        expect(await fixture.rowOf(target)).toMatchObject({ lease_holder: null });
        expect(fixture.engine.newest.order.spec.plan).toBe(target.plan);
        expect((await fixture.operationsOf(target)).filter(({ state }) => state === "running")).toEqual([]);
        expect(fixture.engine.overlaps).toEqual([]);
      }),
      { numRuns: 12 },
    );
  },
  240_000,
);

function ask(worker: Worker | undefined, target: ObservedDataPlane) {
  return worker?.worker.ask(target);
}

function finish({ engine }: DriverFixture, how: string): void {
  const operation = engine.operations.findLast(({ alive }) => alive);
  if (how === "well") operation?.finish();
  else if (how === "dead") operation?.die();
  else if (how === "locked")
    operation?.finish({ ok: false, errorName: "ConcurrentUpdateError", message: "locked" });
  else operation?.finish({ ok: false, errorName: "CommandError", message: "exceeded quota" });
}
