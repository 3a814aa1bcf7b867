import { makePolicySnapshot } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { compilePolicy } from "./compile-policy.ts";
import { createPolicyHolder } from "./policy-holder.ts";

function policyOf(revision: number) {
  const snapshot = makePolicySnapshot({ revision, providers: [], routes: [] });
  const result = compilePolicy(snapshot, { pepper: Buffer.alloc(32), credentials: new Map() }, new Set());
  if (!result.ok) throw new Error(result.errors.join());
  return result.policy;
}

test("it is empty at first, and only a higher revision takes the place of another", () => {
  const holder = createPolicyHolder();
  expect(holder.current()).toBeUndefined();
  const seen: (number | undefined)[][] = [];
  holder.subscribe((policy, previous) => seen.push([previous?.revision, policy.revision]));
  expect([5, 4, 5, 7].map((revision) => holder.apply(policyOf(revision)))).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect(holder.current()?.revision).toBe(7);
  expect(seen).toEqual([
    [undefined, 5],
    [5, 7],
  ]);
});

test("a subscriber that has gone is not called", () => {
  const holder = createPolicyHolder();
  let calls = 0;
  const unsubscribe = holder.subscribe(() => {
    calls += 1;
  });
  unsubscribe();
  holder.apply(policyOf(1));
  expect(calls).toBe(0);
});

test("rejections are counted by reason, and every reason is there from the start", () => {
  const holder = createPolicyHolder();
  holder.countRejection("signature");
  holder.countRejection("signature");
  expect(holder.rejections().get("signature")).toBe(2);
  expect(holder.rejections().get("compile")).toBe(0);
});
