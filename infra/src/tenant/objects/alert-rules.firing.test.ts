import { spawnSync } from "node:child_process";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { promtoolTests } from "../../testing/alert-cases.ts";
import { makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { describeTenant } from "../tenant.ts";
import { alertRules } from "./alert-rules.ts";
import { prometheusRule } from "./prometheus-rule.ts";

const tenant = describeTenant(makeTenantSpec());
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

test("there is a case in which each rule fires", () => {
  const names = alertRules(tenant).map(({ alert }) => alert);
  expect(promtoolTests(tenant, "rules.yaml").names.toSorted()).toEqual(names.toSorted());
});

test.skipIf(!hasPromtool)("Prometheus fires each rule in its case, and none in normal traffic", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "headgate-rules-"));
  const file = (name: string) => join(directory.path, name);
  // JSON is YAML too.
  await writeFile(file("rules.yaml"), JSON.stringify(prometheusRule(tenant)?.spec));
  await writeFile(file("tests.yaml"), JSON.stringify(promtoolTests(tenant, "rules.yaml").file));
  const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file("tests.yaml")], {
    encoding: "utf8",
  });
  expect(status, stdout + stderr).toBe(0);
});
