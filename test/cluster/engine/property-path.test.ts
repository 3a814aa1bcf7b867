import { expect, test } from "vitest";
import {
  expandPath,
  formatPropertyPath,
  getAt,
  liesWithin,
  parsePropertyPath,
  withAt,
} from "./property-path.ts";

test.each([
  ["spec.replicas", ["spec", "replicas"]],
  ["spec.containers[0].image", ["spec", "containers", 0, "image"]],
  ["spec.ports[*].port", ["spec", "ports", "*", "port"]],
  ['metadata.annotations["a.b/c"]', ["metadata", "annotations", "a.b/c"]],
])("%s is read as its parts", (text, path) => {
  expect(parsePropertyPath(text)).toEqual(path);
});

test("a path is written as it is read", () => {
  for (const text of ["spec.containers[0].image", 'metadata.annotations["a.b/c"]']) {
    expect(formatPropertyPath(parsePropertyPath(text))).toBe(text);
  }
});

test("setting and taking away leave the rest, and the original, as it was", () => {
  const value = { a: { b: [1, 2] }, c: 3 };
  expect(withAt(value, ["a", "b", 1], 9)).toEqual({ a: { b: [1, 9] }, c: 3 });
  expect(withAt(value, ["a", "b"], undefined)).toEqual({ a: {}, c: 3 });
  expect(withAt(value, ["x", "y"], undefined)).toEqual(value);
  expect(withAt(value, ["x", "y"], 1)).toEqual({ ...value, x: { y: 1 } });
  expect(value).toEqual({ a: { b: [1, 2] }, c: 3 });
});

test("a star means every item", () => {
  const value = { ports: [{ port: 1 }, { port: 2 }] };
  const places = expandPath(value, parsePropertyPath("ports[*].port"));
  expect(places.map((place) => getAt(value, place))).toEqual([1, 2]);
  expect(liesWithin(["ports", 1, "port"], ["ports", "*"])).toBe(true);
  expect(liesWithin(["ports"], ["ports", "*"])).toBe(false);
});
