/** Budgets over the lives of replicas: what each one counts, against a model that knows all that was spent. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CallScope, CompiledBudget } from "../policy/compiled-policy.ts";
import { createBudgets, type LocalBudgets } from "./budgets.ts";

const SCOPE: CallScope = { kind: "model", agentId: "agt_a", labels: {}, model: "m" };
const MAX = 1_000n;
const BUDGET: CompiledBudget = {
  id: "bud_1",
  name: "one",
  unit: "tokens",
  max: MAX,
  window: "month",
  hold: "maximum",
  matches: () => true,
  per: [],
};

type Sums = Map<string, bigint>;

interface Disk {
  stream: number;
  own: Sums;
  /** As it was last saved. */
  elsewhere: Sums;
}

interface Replica {
  readonly budgets: LocalBudgets;
  readonly disk: Disk;
  unshipped: { key: string; amount: bigint }[];
}

const place = fc.nat(3);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("call" as const),
      at: place,
      hold: fc.integer({ min: 1, max: 300 }),
      used: fc.nat(100),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("ship" as const, "hear" as const), at: place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("stop" as const, "kill" as const, "lose_disk" as const, "damage" as const),
      at: place,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("next_month" as const), at: place }) },
);

test("over restarts, new pods, lost and damaged disks no replica counts less than it could know, nor anything twice", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      let month = 0;
      let streams = 0;
      /** By stream: what of it is in the ledger. */
      const ledger = new Map<number, Sums>();
      const truth: Sums = new Map();
      const lost: Sums = new Map();
      const clock = { wallMs: () => Date.UTC(2026, month, 15), monotonicMs: () => 0 };
      const start = (disk: Disk = { stream: ++streams, own: new Map(), elsewhere: new Map() }): Replica => {
        const budgets = createBudgets(clock);
        for (const [key, amount] of disk.own) budgets.restore({ key, amount: `${amount}` });
        for (const [key, amount] of disk.elsewhere) budgets.learn({ key, amount: `${amount}` });
        return { budgets, disk, unshipped: [] };
      };
      const ship = (replica: Replica): void => {
        const { stream } = replica.disk;
        const sums = ledger.get(stream) ?? new Map();
        ledger.set(stream, sums);
        for (const { key, amount } of replica.unshipped) add(sums, key, amount);
        replica.unshipped = [];
      };
      const hear = ({ budgets, disk }: Replica): void => {
        const beside: Sums = new Map();
        for (const [stream, sums] of ledger)
          if (stream !== disk.stream) for (const [key, amount] of sums) add(beside, key, amount);
        for (const [key, amount] of beside) budgets.learn({ key, amount: `${amount}` });
      };
      const save = ({ budgets, disk }: Replica): void => {
        disk.elsewhere = new Map([...budgets.elsewhere()].map(({ key, amount }) => [key, BigInt(amount)]));
      };
      const lose = (replica: Replica): void => {
        for (const { key, amount } of replica.unshipped) add(lost, key, amount);
        replica.unshipped = [];
      };
      const replicas = [start(), start(), start(), start()];
      const key = () => `budget:bud_1:2026-${String(month + 1).padStart(2, "0")}:`;
      const known = ({ budgets }: Replica) =>
        sumOf(budgets.counters(), key()) + sumOf(budgets.elsewhere(), key());

      for (const one of steps) {
        const replica = replicas[one.at];
        if (replica === undefined) continue;
        const { disk, budgets } = replica;
        if (one.kind === "call") {
          const hold = {
            tokensMaximum: one.hold,
            tokensExpected: one.hold,
            nanoUsdMaximum: 0n,
            nanoUsdExpected: 0n,
          };
          const before = known(replica);
          const admission = budgets.reserve([BUDGET], SCOPE, hold);
          // Denied for what was spent, and for nothing else; admitted within the budget but for what is not known yet.
          expect(admission.ok).toBe(before + BigInt(one.hold) <= MAX);
          if (!admission.ok || admission.reservation === undefined) continue;
          const used = Math.min(one.used, one.hold);
          for (const charge of budgets.settle(admission.reservation, { tokens: used, nanoUsd: undefined })) {
            const spent = { key: charge.key, amount: BigInt(charge.amount) };
            add(truth, spent.key, spent.amount);
            add(disk.own, spent.key, spent.amount);
            replica.unshipped.push(spent);
          }
        } else if (one.kind === "ship") ship(replica);
        else if (one.kind === "hear") {
          for (const each of replicas) ship(each);
          hear(replica);
          const all = (truth.get(key()) ?? 0n) - (lost.get(key()) ?? 0n);
          expect(known(replica)).toBeGreaterThanOrEqual(all);
        } else if (one.kind === "next_month") month = Math.min(month + 1, 11);
        else if (one.kind === "stop" || one.kind === "kill") {
          if (one.kind === "stop") save(replica);
          const { unshipped } = replica;
          replicas[one.at] = { ...start(disk), unshipped };
        } else if (one.kind === "lose_disk") {
          lose(replica);
          replicas[one.at] = start();
        } else {
          // The counters are kept, and what was counted belongs to a stream that is not shipped any more.
          lose(replica);
          budgets.beginStream();
          disk.own = new Map();
          disk.stream = ++streams;
          save(replica);
        }
        for (const each of replicas) expect(known(each)).toBeLessThanOrEqual(truth.get(key()) ?? 0n);
      }
    }),
  );
});

test("replicas that rise and fall spend together no more than the budget and what was not heard of", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 400 }), (rollouts, used) => {
      const ledger = new Map<number, bigint>();
      const clock = { wallMs: () => 0, monotonicMs: () => 0 };
      const hold = { tokensMaximum: used, tokensExpected: used, nanoUsdMaximum: 0n, nanoUsdExpected: 0n };
      let spent = 0n;
      for (let rollout = 0; rollout < rollouts; rollout += 1) {
        const budgets = createBudgets(clock);
        const key = "budget:bud_1:1970-01:";
        budgets.learn({ key, amount: `${[...ledger.values()].reduce((sum, one) => sum + one, 0n)}` });
        for (;;) {
          const admission = budgets.reserve([BUDGET], SCOPE, hold);
          if (!admission.ok || admission.reservation === undefined) break;
          budgets.settle(admission.reservation, { tokens: used, nanoUsd: undefined });
          spent += BigInt(used);
        }
        ledger.set(rollout, budgets.inspect(key).spent);
      }
      expect(spent).toBeLessThanOrEqual(MAX);
      expect(spent + BigInt(used)).toBeGreaterThan(MAX);
    }),
  );
});

function add(sums: Sums, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}

function sumOf(charges: Iterable<{ key: string; amount: string }>, key: string): bigint {
  for (const charge of charges) if (charge.key === key) return BigInt(charge.amount);
  return 0n;
}
