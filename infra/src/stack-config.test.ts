import { runtime } from "@pulumi/pulumi";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { readSettings } from "./stack-config.ts";

const project = "headgate-base";
const read = () => readSettings(z.strictObject({ region: z.string() }), { project, others: ["kubeconfig"] });

afterEach(() => runtime.setAllConfig({}));

test("the settings are read from the stack's configuration", () => {
  runtime.setAllConfig({
    [`${project}:settings`]: '{"region":"x"}',
    [`${project}:kubeconfig`]: "k",
    "aws:region": "y",
  });
  expect(read()).toEqual({ region: "x" });
});

test("a misspelt key beside the settings is refused by its name, without its value", () => {
  runtime.setAllConfig({ [`${project}:settings`]: '{"region":"x"}', [`${project}:kubeconfg`]: "sk_secret" });
  expect(read).toThrow(/does not know: kubeconfg\.$/);
});

test("settings that are missing are refused", () => {
  runtime.setAllConfig({});
  expect(read).toThrow(/headgate-base:settings/);
});
