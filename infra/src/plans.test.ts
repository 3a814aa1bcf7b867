import { targetTimeouts } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import {
  LONGEST_STREAM_SECONDS,
  PLAN_NAMES,
  type PlanNumbers,
  planFaults,
  planNumbers,
  replicasAtOnce,
  replicasWithDraining,
} from "./plans.ts";

test("a larger plan has less of nothing", () => {
  const numbers = PLAN_NAMES.map((name) => leaves(planNumbers(name)));
  for (const [index, larger] of numbers.slice(1).entries()) {
    const smaller = numbers[index] ?? {};
    expect(Object.keys(larger)).toEqual(expect.arrayContaining(Object.keys(smaller)));
    for (const [path, value] of Object.entries(smaller)) {
      expect(larger[path], path).toBeGreaterThanOrEqual(value);
    }
  }
});

test.each<[string, (numbers: PlanNumbers) => PlanNumbers, RegExp]>([
  [
    "a heap as large as the memory",
    (n) => ({ ...n, replica: { ...n.replica, heapMib: n.replica.memoryMib } }),
    /heap/,
  ],
  ["more replicas at least than at most", (n) => ({ ...n, replicas: { min: 3, max: 2 } }), /replicas.min/],
  ["a single replica", (n) => ({ ...n, replicas: { min: 1, max: 2 } }), /below 2/],
  [
    "a drain shorter than the longest stream",
    (n) => ({ ...n, replica: { ...n.replica, drainSeconds: LONGEST_STREAM_SECONDS - 1 } }),
    /drain/,
  ],
  [
    "a spool that a data plane would not start with",
    (n) => ({ ...n, replica: { ...n.replica, spoolBytesMax: 1_000 } }),
    /spool/,
  ],
  ["a number that is none", (n) => ({ ...n, replicas: { min: 2, max: 2.5 } }), /replicas.max/],
])("%s is a fault", (_, change, fault) => {
  expect(planFaults(change(planNumbers("starter"))).join()).toMatch(fault);
  expect(planFaults(planNumbers("starter"))).toEqual([]);
});

test("a name that is no plan is refused, also one that every object has", () => {
  for (const name of ["gold", "toString", "__proto__", ""])
    expect(() => planNumbers(name)).toThrow(RangeError);
});

test("the longest stream is what the contract lets a target be given", () => {
  const longest = LONGEST_STREAM_SECONDS * 1_000;
  expect(targetTimeouts.shape.total_ms.safeParse(longest).success).toBe(true);
  expect(targetTimeouts.shape.total_ms.safeParse(longest + 1).success).toBe(false);
});

test("the surge is rounded up, and those that drain are counted beside their successors", () => {
  const numbers = { ...planNumbers("starter"), replicas: { min: 2, max: 5 } };
  expect(replicasAtOnce(numbers)).toBe(7);
  expect(replicasWithDraining(numbers)).toBe(10);
});

function leaves(value: object, path = ""): Record<string, number> {
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, item]: [string, unknown]) =>
      typeof item === "object" && item !== null
        ? leaves(item, `${path}${key}.`)
        : typeof item === "number"
          ? { [`${path}${key}`]: item }
          : {},
    ),
  );
}
