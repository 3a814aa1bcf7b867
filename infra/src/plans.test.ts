import { expect, test } from "vitest";
import { PLANS, type Plan, type PlanNumbers, planFaults, planNumbers, replicasAtOnce } from "./plans.ts";

const names = Object.keys(PLANS) as Plan[];

test.each(names)("plan %s: the largest scale plus a rolling update fits its quota", (name) => {
  const { replicas, replica, quota } = planNumbers(name);
  const atOnce = replicas.max + Math.ceil(replicas.max * 0.25);
  expect(atOnce).toBeLessThanOrEqual(quota.pods);
  expect(atOnce * replica.cpuMillicores).toBeLessThanOrEqual(quota.cpuMillicores);
  expect(atOnce * replica.memoryMib).toBeLessThanOrEqual(quota.memoryMib);
});

test("a larger plan has less of nothing", () => {
  const numbers = (["starter", "team", "enterprise"] as const).map((name) => leaves(planNumbers(name)));
  for (const [smaller, larger] of [numbers.slice(0, 2), numbers.slice(1, 3)]) {
    for (const [path, value] of Object.entries(larger ?? {})) {
      expect(value, path).toBeGreaterThanOrEqual(smaller?.[path] ?? Number.NaN);
    }
  }
});

test.each<[string, (numbers: PlanNumbers) => PlanNumbers, RegExp]>([
  [
    "a quota of pods without room for the update",
    (n) => ({ ...n, quota: { ...n.quota, pods: n.replicas.max } }),
    /pods/,
  ],
  ["a quota of CPU too small", (n) => ({ ...n, quota: { ...n.quota, cpuMillicores: 1 } }), /CPU/],
  ["a quota of memory too small", (n) => ({ ...n, quota: { ...n.quota, memoryMib: 1 } }), /memory/],
  [
    "a heap as large as the memory",
    (n) => ({ ...n, replica: { ...n.replica, heapMib: n.replica.memoryMib } }),
    /heap/,
  ],
  ["more replicas at least than at most", (n) => ({ ...n, replicas: { min: 3, max: 2 } }), /replicas.min/],
  ["a number that is none", (n) => ({ ...n, quota: { ...n.quota, pods: 0.5 } }), /quota.pods/],
])("%s is a fault", (_, change, fault) => {
  expect(planFaults(change(planNumbers("starter"))).join()).toMatch(fault);
  expect(planFaults(planNumbers("starter"))).toEqual([]);
});

test("a name that is no plan is refused, also one that every object has", () => {
  for (const name of ["gold", "toString", "__proto__", ""])
    expect(() => planNumbers(name)).toThrow(RangeError);
});

test("the surge is rounded up", () => {
  expect(replicasAtOnce({ ...planNumbers("starter"), replicas: { min: 1, max: 5 } })).toBe(7);
});

function leaves(value: object, path = ""): Record<string, number> {
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, item]: [string, unknown]) =>
      typeof item === "object" && item !== null
        ? leaves(item, `${path}${key}.`)
        : { [`${path}${key}`]: Number(item) },
    ),
  );
}
