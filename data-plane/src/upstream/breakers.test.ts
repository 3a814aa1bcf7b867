import type { Id } from "@headgate/sdk/contract";
import { describe, expect, test } from "vitest";
import { type Breakers, createBreakers } from "./breakers.ts";

const TARGET: Id<"target"> = "tgt_00000000000000000000000000";
const SETTINGS = { failures: 3, openMs: 1_000 };

function failTimes(breakers: Breakers, times: number, nowMs = 0): void {
  const passes = Array.from({ length: times }, () => breakers.begin(TARGET, nowMs));
  for (const pass of passes) pass?.fail(SETTINGS, nowMs);
}

describe("a breaker", () => {
  test("opens after the bound of failures in a row, and a success in between starts the count anew", () => {
    const breakers = createBreakers();
    failTimes(breakers, 2);
    breakers.begin(TARGET, 0)?.succeed();
    failTimes(breakers, 2);
    expect(breakers.admits(TARGET, 0)).toBe(true);
    failTimes(breakers, 1);
    expect(breakers.admits(TARGET, 999)).toBe(false);
    expect(breakers.waitMs(TARGET, 400)).toBe(600);
    expect(breakers.open(0)).toEqual([TARGET]);
  });

  test("lets one trial through when its time is over, and its result decides", () => {
    const breakers = createBreakers();
    failTimes(breakers, 3);
    expect(breakers.begin(TARGET, 500)).toBeUndefined();
    const trial = breakers.begin(TARGET, 1_000);
    expect(breakers.begin(TARGET, 1_000)).toBeUndefined();
    expect(breakers.admits(TARGET, 1_000)).toBe(false);
    trial?.fail(SETTINGS, 1_000);
    expect(breakers.admits(TARGET, 1_999)).toBe(false);
    breakers.begin(TARGET, 2_000)?.succeed();
    expect(breakers.begin(TARGET, 2_000)).toBeDefined();
    expect(breakers.begin(TARGET, 2_000)).toBeDefined();
  });

  test("a trial that says nothing about the target leaves room for the next one", () => {
    const breakers = createBreakers();
    failTimes(breakers, 3);
    breakers.begin(TARGET, 1_000)?.release();
    expect(breakers.begin(TARGET, 1_000)).toBeDefined();
  });

  test("a call from before it opened neither ends the trial nor takes its place", () => {
    const breakers = createBreakers();
    const early = [breakers.begin(TARGET, 0), breakers.begin(TARGET, 0)];
    failTimes(breakers, 3);
    expect(breakers.begin(TARGET, 1_000)).toBeDefined();
    early[0]?.release();
    early[1]?.fail(SETTINGS, 1_000);
    expect(breakers.begin(TARGET, 5_000)).toBeUndefined();
  });

  test("opens at once for as long as the provider asks to be left alone, and for a minute at the most", () => {
    const breakers = createBreakers();
    breakers.begin(TARGET, 0)?.fail(SETTINGS, 0, 7_000);
    expect(breakers.waitMs(TARGET, 0)).toBe(7_000);
    expect(breakers.admits(TARGET, 7_000)).toBe(true);
    breakers.begin(TARGET, 7_000)?.fail({ failures: 9, openMs: 1_000 }, 7_000, 999_999_000);
    expect(breakers.waitMs(TARGET, 7_000)).toBe(60_000);
  });

  test("a result is counted once", () => {
    const breakers = createBreakers();
    const pass = breakers.begin(TARGET, 0);
    pass?.succeed();
    pass?.fail({ failures: 1, openMs: 1_000 }, 0);
    expect(breakers.admits(TARGET, 0)).toBe(true);
  });
});
