import type { V1LabelSelector } from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { selects } from "./selectors.ts";

const labels = { app: "data-plane", plan: "team" };

test.each<[string, V1LabelSelector, boolean]>([
  ["nothing asked for", {}, true],
  ["a label it has", { matchLabels: { app: "data-plane" } }, true],
  ["two labels of which it has one", { matchLabels: { app: "data-plane", plan: "starter" } }, false],
  [
    "a value in a list",
    { matchExpressions: [{ key: "plan", operator: "In", values: ["starter", "team"] }] },
    true,
  ],
  [
    "a value not in a list",
    { matchExpressions: [{ key: "plan", operator: "NotIn", values: ["team"] }] },
    false,
  ],
  ["In, of a label it lacks", { matchExpressions: [{ key: "x", operator: "In", values: [""] }] }, false],
  [
    "NotIn, of a label it lacks",
    { matchExpressions: [{ key: "x", operator: "NotIn", values: ["a"] }] },
    true,
  ],
  ["Exists", { matchExpressions: [{ key: "app", operator: "Exists" }] }, true],
  ["DoesNotExist", { matchExpressions: [{ key: "app", operator: "DoesNotExist" }] }, false],
  [
    "a label it has and an expression that fails",
    { matchLabels: { app: "data-plane" }, matchExpressions: [{ key: "x", operator: "Exists" }] },
    false,
  ],
])("a selector decides on %s", (_what, selector, expected) => {
  expect(selects(selector, labels)).toBe(expected);
});

test("an object without labels is selected by the empty selector alone", () => {
  expect(selects({}, undefined)).toBe(true);
  expect(selects({ matchLabels: { app: "a" } }, undefined)).toBe(false);
});

test("an operator that nobody knows is an error", () => {
  expect(() => selects({ matchExpressions: [{ key: "a", operator: "Near" }] }, {})).toThrow("Near");
});
