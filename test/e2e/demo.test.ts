import { expect, test } from "vitest";
import { emptyFolder, runAsNewcomer } from "./newcomer.ts";

test("the demo ends by itself, and every call that the provider served is in the ledger once", async () => {
  await using folder = await emptyFolder();
  await using demo = runAsNewcomer("demo", folder.path);
  expect(await demo.exitCode, demo.lines.join("\n")).toBe(0);
  expect(demo.lines.at(-1)).toMatch(
    /^demo: calls=[1-9]\d* unsettled=[1-9]\d* lost=0 doubled=0 wrong_tenant=0$/,
  );
}, 240_000);
