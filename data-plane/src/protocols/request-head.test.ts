import { expect, test } from "vitest";
import { createHeadReader } from "./request-head.ts";

const readRequestHead = createHeadReader({
  "x-api-key": "credential",
  "x-beta": "list",
  "x-version": "single",
});

test("reads the headers that are acted on, whatever their case, and no others", () => {
  const head = readRequestHead([
    "Host",
    "h",
    "AUTHORIZATION",
    "Bearer x",
    "X-Api-Key",
    "k",
    "x_api_key",
    "fake",
    "X-Headgate-Tenant",
    "ten_other",
  ]);
  expect(head).toMatchObject({
    host: "h",
    authorization: "Bearer x",
    "x-api-key": "k",
    repeated: undefined,
    headerCount: 5,
  });
  expect(JSON.stringify(head)).not.toContain("ten_other");
  expect(JSON.stringify(head)).not.toContain("fake");
});

test.each(["Host", "Authorization", "X-Api-Key", "Content-Type", "Idempotency-Key", "X-Version"])(
  "a second %s is noticed",
  (name) => {
    expect(readRequestHead([name, "a", name.toLowerCase(), "a"]).repeated).toBe(name.toLowerCase());
  },
);

test("feature flags in several lines are one list", () => {
  const head = readRequestHead(["x-beta", "a", "X-Beta", "b"]);
  expect(head).toMatchObject({ "x-beta": "a,b", repeated: undefined });
});

test("a protocol's own header that it does not say it has is not read", () => {
  expect(readRequestHead(["openai-beta", "a"])["openai-beta"]).toBeUndefined();
});
