import { expect, expectTypeOf, test } from "vitest";
import type { DenyCode } from "./decision.ts";
import { ERROR_CODES, type ErrorCode, errorRow, isErrorCode } from "./error-codes.ts";

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

test.each(codes)("the row of %s is plausible", (code) => {
  const row = errorRow(code);
  expect(code).toMatch(/^[a-z]+\.[a-z_]+$/);
  expect(row.text).toMatch(/^[A-Z].*\.$/);
  expect(row.status).toBeGreaterThanOrEqual(400);
  expect(row.status).toBeLessThan(600);
  if (row.blame === "client" || row.blame === "config") expect([500, 503]).not.toContain(row.status);
  if (row.blame === "platform") expect(row.status).toBeGreaterThanOrEqual(500);
});

test("only a code of the table is a code", () => {
  for (const code of codes) expect(isErrorCode(code)).toBe(true);
  for (const other of ["toString", "__proto__", "auth", "", null, 401])
    expect(isErrorCode(other)).toBe(false);
});

test("a code that says that something broke is none of a policy's denials", () => {
  type Failure = "gateway.internal" | "upstream.error" | `${"api" | "usage" | "join"}.${string}`;
  expectTypeOf<Extract<DenyCode, Failure>>().toBeNever();
});
