/** The entry for the plain CLI: the stack's configuration in, `headgate.base/1` out. */
import * as pulumi from "@pulumi/pulumi";
import { readClusterAccess } from "../cluster-provider.ts";
import { PROJECTS } from "../names.ts";
import { readSettings } from "../stack-config.ts";
import { baseConfig } from "./base-config.ts";
import { baseProgram } from "./base-program.ts";

const PASSWORD = /^[A-Za-z0-9_-]{32,200}$/;

export async function base() {
  const settings = readSettings(baseConfig, {
    project: PROJECTS.base,
    others: ["kubeconfig", "context", "valkeyPassword"],
  });
  const config = new pulumi.Config(PROJECTS.base);
  const valkeyPassword =
    settings.valkey === null ? "" : config.requireSecret("valkeyPassword", { pattern: PASSWORD });
  return baseProgram(settings, readClusterAccess(config), { valkeyPassword })();
}
