import { stat } from "node:fs/promises";
import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { Refusal } from "../../../lib/refusal.ts";

/** The first whose events travel by gRPC and that takes inline programs for every command, as they are used here. */
export const ENGINE_VERSION_MIN = "3.220.0";

const INSTALL = `Install the Pulumi CLI ${ENGINE_VERSION_MIN} or newer and its kubernetes plugin on the worker's PATH (https://www.pulumi.com/docs/install/), or set HEADGATE_DRIVER to local or none.`;

/** The version of the engine on PATH. Throws a `Refusal` that names what to install where there is none, or an older one. */
export async function checkEngine(
  find: () => Promise<{ version: { toString(): string } | null }> = () => PulumiCommand.get(),
): Promise<string> {
  let version: string | undefined;
  try {
    version = (await find()).version?.toString();
  } catch (cause) {
    throw new Refusal(`HEADGATE_DRIVER=pulumi: no usable pulumi was found. ${INSTALL}`, { cause });
  }
  if (version === undefined || !isAtLeast(version, ENGINE_VERSION_MIN))
    throw new Refusal(
      `HEADGATE_DRIVER=pulumi: the pulumi that was found is ${version ?? "of no known version"}. ${INSTALL}`,
    );
  return version;
}

/** Throws a `Refusal` when the file that holds the passphrase of the stacks' secrets is not there or is empty. */
export async function checkPassphraseFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true || found.size === 0)
    throw new Refusal(`HEADGATE_PULUMI_PASSPHRASE_FILE: ${path} is not a file, or is empty.`);
  if ((found.mode & 0o007) !== 0)
    throw new Refusal(`HEADGATE_PULUMI_PASSPHRASE_FILE: ${path} must not be readable by everybody.`);
}

function isAtLeast(version: string, wanted: string): boolean {
  const [a, b] = [version, wanted].map(
    (text) => text.replace(/^v/, "").split(/[-+]/)[0]?.split(".").map(Number) ?? [],
  );
  for (const place of [0, 1, 2]) {
    const [mine = 0, least = 0] = [a?.[place], b?.[place]];
    if (mine !== least) return mine > least;
  }
  return true;
}
