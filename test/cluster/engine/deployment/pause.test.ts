import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../harness/until.ts";
import { Pause } from "./pause.ts";

let folder: string;
let arm: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headgate-engine-"));
  arm = join(folder, "arm");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const armedBy = (setting: string, stack = "a") => {
  writeFileSync(arm, setting);
  return new Pause({ PULUMI_TEST_PAUSE_AT: `@${arm}` }, stack);
};

test("the step that is meant stands still, once, until its marker is gone", async () => {
  const pause = armedBy("2:after-create\n");
  for (const op of ["update", "create", "delete"] as const) {
    const step = pause.step(op, "urn");
    await step.before();
    await step.after();
  }
  const step = pause.step("create-replacement", "the-urn");
  await step.before();
  const standing = step.after();
  const marker = await until({ what: "it has paused" }, () =>
    JSON.parse(readFileSync(`${arm}.paused`, "utf8")),
  );
  expect(marker).toMatchObject({
    pid: process.pid,
    step: 2,
    phase: "after",
    op: "create-replacement",
    urn: "the-urn",
  });
  expect(existsSync(arm)).toBe(false);
  rmSync(`${arm}.paused`);
  await standing;
});

test("other stacks, and a file that is not there, arm nothing", () => {
  expect(armedBy("1:before@b").isArmed).toBe(false);
  expect(armedBy("1:before@b", "b").isArmed).toBe(true);
  rmSync(arm);
  expect(new Pause({ PULUMI_TEST_PAUSE_AT: `@${arm}` }, "a").isArmed).toBe(false);
  expect(new Pause({}, "a").isArmed).toBe(false);
});

test("a setting that cannot be read is an error, not a test without a fault", () => {
  expect(() => armedBy("third:before")).toThrow("cannot be read");
});
