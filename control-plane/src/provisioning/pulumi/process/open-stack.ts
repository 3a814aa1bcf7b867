import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { PROJECTS } from "@headgate/infra";
import {
  LocalWorkspace,
  type PulumiFn,
  type Stack,
  StackNotFoundError,
} from "@pulumi/pulumi/automation/index.js";
import type { OperationJob } from "./operation-job.ts";

type Options = Pick<OperationJob, "stack" | "directory" | "plugins" | "backend" | "passphraseFile">;

/**
 * The tenant's stack, with a home and a working directory that no other operation shares: the engine keeps its current
 * stack there. Undefined where there is no such stack and none is to be made.
 */
export async function openStack(
  options: Options,
  program: PulumiFn,
  { make }: { make: boolean },
): Promise<Stack | undefined> {
  const workDir = join(options.directory, "work");
  const pulumiHome = join(options.directory, "home");
  for (const path of [workDir, pulumiHome]) await mkdir(path, { recursive: true, mode: 0o700 });
  if (options.plugins !== null) await symlink(options.plugins, join(pulumiHome, "plugins"));
  const args = { stackName: options.stack, projectName: PROJECTS.tenant, program };
  const workspace = {
    workDir,
    pulumiHome,
    envVars: {
      PULUMI_BACKEND_URL: options.backend,
      PULUMI_CONFIG_PASSPHRASE_FILE: options.passphraseFile,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    },
    // Nothing may reach for a cluster that the program does not name.
    stackSettings: { [options.stack]: { config: { "pulumi:disable-default-providers": ["*"] } } },
  };
  if (make) return LocalWorkspace.createOrSelectStack(args, workspace);
  try {
    return await LocalWorkspace.selectStack(args, workspace);
  } catch (error) {
    if (error instanceof StackNotFoundError) return undefined;
    throw error;
  }
}
