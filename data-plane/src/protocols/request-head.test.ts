import { expect, test } from "vitest";
import { readRequestHead } from "./request-head.ts";

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
    xApiKey: "k",
    repeated: undefined,
    headerCount: 5,
  });
  expect(JSON.stringify(head)).not.toContain("ten_other");
  expect(JSON.stringify(head)).not.toContain("fake");
});

test.each(["Host", "Authorization", "X-Api-Key", "Content-Type", "Idempotency-Key"])(
  "a second %s is noticed",
  (name) => {
    expect(readRequestHead([name, "a", name.toLowerCase(), "a"]).repeated).toBe(name.toLowerCase());
  },
);

test("feature flags in several lines are one list", () => {
  const head = readRequestHead(["anthropic-beta", "a", "Anthropic-Beta", "b"]);
  expect(head).toMatchObject({ anthropicBeta: "a,b", repeated: undefined });
});
