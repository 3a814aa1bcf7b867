import { runtime } from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { makeTenantSpec } from "../testing/make-tenant-spec.ts";
import { runProgram } from "../testing/run-program.ts";
import { runTenantProgram } from "./run-tenant-program.ts";

const stack = { project: "headgate-tenant", stack: "hg-01mcc5rm007777777777777777" };
const { joinSecret, ...tenant } = makeTenantSpec();
const config = { tenant: JSON.stringify(tenant), joinSecret, kubeconfig: "k" };

function configure(values: Record<string, string>): void {
  const named = Object.entries(values).map(([key, value]) => [`headgate-tenant:${key}`, value]);
  runtime.setAllConfig(Object.fromEntries(named));
}

test("a stack's configuration makes the same objects as the control plane's call", async () => {
  configure(config);
  const { outputs, resources } = await runProgram(stack, runTenantProgram);
  expect(outputs.namespace).toBe(stack.stack);
  expect(resources.filter(({ type }) => type.startsWith("kubernetes:"))).toHaveLength(outputs.objects.length);
});

test.each(["tenant", "joinSecret", "kubeconfig"])("without %s it says what is missing", async (missing) => {
  configure(Object.fromEntries(Object.entries(config).filter(([key]) => key !== missing)));
  await expect(async () => runTenantProgram()).rejects.toThrow(missing);
});
