import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LocalWorkspace, PulumiCommand, type PulumiFn, type Stack } from "@pulumi/pulumi/automation/index.js";
import type { Engine } from "./engine.ts";

interface PlatformStackOptions {
  readonly engine: Engine;
  readonly project: string;
  readonly program: PulumiFn;
  /** Where its state is kept. */
  readonly directory: string;
}

/** A stack of the platform team's, by the Automation API; what their own machine would do with the plain CLI. */
export async function platformStack(options: PlatformStackOptions): Promise<Stack> {
  const { engine, project, program, directory } = options;
  const state = join(directory, project);
  mkdirSync(state);
  const root = fileURLToPath(new URL("../engine", import.meta.url));
  return LocalWorkspace.createOrSelectStack(
    { stackName: "cluster", projectName: project, program },
    {
      pulumiCommand: await PulumiCommand.get(engine.kind === "stand-in" ? { root } : {}),
      envVars: {
        PATH: engine.path,
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: "a passphrase of the platform team",
      },
    },
  );
}
