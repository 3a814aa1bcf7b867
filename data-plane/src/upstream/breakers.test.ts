import type { Id } from "@headgate/sdk/contract";
import { describe, expect, test } from "vitest";
import { createBreakers } from "./breakers.ts";

const TARGET: Id<"target"> = "tgt_00000000000000000000000000";
const SETTINGS = { failures: 3, openMs: 1_000 };

describe("a breaker", () => {
  test("opens after the bound of failures in a row, and a success in between starts the count anew", () => {
    const breakers = createBreakers();
    breakers.fail(TARGET, SETTINGS, 0);
    breakers.fail(TARGET, SETTINGS, 0);
    breakers.succeed(TARGET);
    breakers.fail(TARGET, SETTINGS, 0);
    breakers.fail(TARGET, SETTINGS, 0);
    expect(breakers.admits(TARGET, 0)).toBe(true);
    breakers.fail(TARGET, SETTINGS, 0);
    expect(breakers.admits(TARGET, 999)).toBe(false);
    expect(breakers.waitMs(TARGET, 400)).toBe(600);
    expect(breakers.open(0)).toEqual([TARGET]);
  });

  test("lets one trial through when its time is over, and its result decides", () => {
    const breakers = createBreakers();
    for (let count = 0; count < 3; count += 1) breakers.fail(TARGET, SETTINGS, 0);
    expect(breakers.begin(TARGET, 500)).toBe(false);
    expect(breakers.begin(TARGET, 1_000)).toBe(true);
    expect(breakers.begin(TARGET, 1_000)).toBe(false);
    expect(breakers.admits(TARGET, 1_000)).toBe(false);
    breakers.fail(TARGET, SETTINGS, 1_000);
    expect(breakers.admits(TARGET, 1_999)).toBe(false);
    expect(breakers.begin(TARGET, 2_000)).toBe(true);
    breakers.succeed(TARGET);
    expect(breakers.begin(TARGET, 2_000)).toBe(true);
    expect(breakers.begin(TARGET, 2_000)).toBe(true);
  });

  test("a trial that says nothing about the target leaves room for the next one", () => {
    const breakers = createBreakers();
    for (let count = 0; count < 3; count += 1) breakers.fail(TARGET, SETTINGS, 0);
    expect(breakers.begin(TARGET, 1_000)).toBe(true);
    breakers.release(TARGET);
    expect(breakers.begin(TARGET, 1_000)).toBe(true);
  });

  test("opens at once for as long as the provider asks to be left alone", () => {
    const breakers = createBreakers();
    breakers.fail(TARGET, SETTINGS, 0, 7_000);
    expect(breakers.waitMs(TARGET, 0)).toBe(7_000);
    expect(breakers.admits(TARGET, 7_000)).toBe(true);
  });
});
