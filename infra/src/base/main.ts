/** The entry for the plain CLI: the stack's configuration in, `headgate.base/1` out. */
import * as pulumi from "@pulumi/pulumi";
import { PROJECTS } from "../names.ts";
import { baseConfig } from "./base-config.ts";
import { baseProgram } from "./base-program.ts";
import { readSettings } from "./kubernetes/stack-config.ts";

const PASSWORD = /^[A-Za-z0-9_-]{32,200}$/;

export async function base() {
  const settings = readSettings(baseConfig, {
    project: PROJECTS.base,
    others: ["kubeconfig", "context", "valkeyPassword"],
  });
  const config = new pulumi.Config(PROJECTS.base);
  const context = config.get("context");
  const program = baseProgram(
    settings,
    { kubeconfig: config.require("kubeconfig"), ...(context === undefined ? {} : { context }) },
    {
      valkeyPassword:
        settings.valkey === null ? "" : config.requireSecret("valkeyPassword", { pattern: PASSWORD }),
    },
  );
  return program();
}
