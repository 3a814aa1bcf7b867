/** The entry for the plain CLI: the stack's configuration in, `headgate.platform/1` out. */
import * as pulumi from "@pulumi/pulumi";
import { readSettings } from "../base/kubernetes/stack-config.ts";
import { PROJECTS } from "../names.ts";
import { platformConfig } from "./platform-config.ts";
import { platformProgram } from "./platform-program.ts";

export async function platform() {
  const settings = readSettings(platformConfig, {
    project: PROJECTS.platform,
    others: ["kubeconfig", "context"],
  });
  const config = new pulumi.Config(PROJECTS.platform);
  const context = config.get("context");
  const program = platformProgram(settings, {
    kubeconfig: config.require("kubeconfig"),
    ...(context === undefined ? {} : { context }),
  });
  return program();
}
