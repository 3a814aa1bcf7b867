import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { endpointOf } from "./stack-outputs.ts";

/** As each release's program gave them; kept for ever. */
const golden = (version: number) =>
  JSON.parse(
    readFileSync(
      new URL(`../../../../../infra/src/tenant/golden/outputs-v${version}.json`, import.meta.url),
      "utf8",
    ),
  );

test("what the program of a released version gave as outputs is read for ever", () => {
  expect(endpointOf(golden(1))).toBe("https://acme.eu.headgate.example");
});

test("outputs of a newer program are refused in words that name both versions, never read as if they were known", () => {
  const newer = { ...golden(1), schema: "headgate.tenant/2" };
  expect(() => endpointOf(newer)).toThrow("is of version 2; the newest known here is 1");
  expect(() => endpointOf({ ...golden(1), schema: "headgate.region/1" })).toThrow("must be headgate.tenant/");
  expect(() => endpointOf({ endpointUrl: "http://a" })).toThrow("schema");
});

test("before there are outputs there is no endpoint", () => {
  expect(endpointOf(null)).toBeNull();
});
