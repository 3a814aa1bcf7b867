import { expect, test } from "vitest";
import { Fault } from "../lib/fault.ts";
import { insertedRow } from "./inserted-row.ts";

test("an insert that returned no row is an internal error, never an answer about the caller's input", () => {
  expect(() => insertedRow([])).toThrow("an insert returned no row");
  expect(() => insertedRow([])).not.toThrow(Fault);
  expect(insertedRow([7])).toBe(7);
});
