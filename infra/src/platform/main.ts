/** The entry for the plain CLI: the stack's configuration in, `headgate.platform/1` out. */
import * as pulumi from "@pulumi/pulumi";
import { readClusterAccess } from "../cluster-provider.ts";
import { PROJECTS } from "../names.ts";
import { readSettings } from "../stack-config.ts";
import { platformConfig } from "./platform-config.ts";
import { platformProgram } from "./platform-program.ts";

export async function platform() {
  const settings = readSettings(platformConfig, {
    project: PROJECTS.platform,
    others: ["kubeconfig", "context"],
  });
  const config = new pulumi.Config(PROJECTS.platform);
  return platformProgram(settings, readClusterAccess(config))();
}
