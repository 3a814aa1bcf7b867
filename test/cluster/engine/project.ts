import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { openBlobStore } from "./backend/open-blob-store.ts";
import { Stacks } from "./backend/stacks.ts";
import type { Deployment } from "./backend/state.ts";
import { CommandFailure } from "./command-failure.ts";
import { openSecrets, type Secrets, unseal } from "./secrets.ts";
import type { Json } from "./wire.ts";

/** The working folder of a call: its project file, and the settings of its stacks. */
export type Project = {
  readonly name: string;
  readonly folder: string;
  readonly backendUrl: string;
};

export type StackSettings = {
  encryptionsalt?: string;
  secretsprovider?: string;
  config?: Record<string, Json>;
};

export function openProject(folder: string, env: NodeJS.ProcessEnv): Project {
  const file = fileOf(folder, "Pulumi");
  if (file === undefined) throw new CommandFailure("no Pulumi.yaml project file found");
  const { name, backend } = parse(readFileSync(file, "utf8")) as { name: string; backend?: { url?: string } };
  const backendUrl = env["PULUMI_BACKEND_URL"] ?? backend?.url;
  if (backendUrl === undefined)
    throw new CommandFailure(
      "PULUMI_ACCESS_TOKEN or PULUMI_BACKEND_URL must be set: the stand-in has no service to log in to",
    );
  return { name, folder, backendUrl };
}

/** Opens the project's stacks for `use`, and closes the back end after it. */
export async function withStacks<T>(project: Project, use: (stacks: Stacks) => Promise<T>): Promise<T> {
  const blobs = await openBlobStore(project.backendUrl);
  try {
    return await use(new Stacks(blobs, project.name));
  } finally {
    await blobs.close();
  }
}

/** The stack's own name, of a name that may be qualified. */
export function stackName(text: string | undefined): string {
  const name = text?.split("/").at(-1) ?? "";
  if (name === "") throw new CommandFailure("no stack selected: --stack is needed");
  return name;
}

export function readSettings(project: Project, stack: string, path?: string): StackSettings {
  const file = path ?? fileOf(project.folder, `Pulumi.${stack}`);
  return file === undefined ? {} : ((parse(readFileSync(file, "utf8")) ?? {}) as StackSettings);
}

export function writeSettings(project: Project, stack: string, settings: StackSettings): void {
  const file = fileOf(project.folder, `Pulumi.${stack}`) ?? join(project.folder, `Pulumi.${stack}.yaml`);
  writeFileSync(file, stringify(settings));
}

/** The stack's secrets: the state remembers the salt, so that a fresh working folder can read it. */
export function secretsOf(deployment: Deployment, settings: StackSettings, env: NodeJS.ProcessEnv): Secrets {
  return openSecrets(deployment.secrets_providers?.state.salt ?? settings.encryptionsalt, env);
}

/** The configuration as programs get it: values as text, secrets opened and named. */
export function configOf(project: Project, settings: StackSettings, secrets: () => Secrets) {
  const config = new Map<string, { value: string; secret: boolean }>();
  for (const [key, stored] of Object.entries(settings.config ?? {})) {
    const qualified = key.includes(":") ? key : `${project.name}:${key}`;
    config.set(qualified, settingOf(stored, secrets));
  }
  return config;
}

export function opened(deployment: Deployment, secrets: Secrets): Deployment {
  return unseal(deployment as unknown as Json, secrets) as unknown as Deployment;
}

function settingOf(stored: Json, secrets: () => Secrets): { value: string; secret: boolean } {
  if (
    typeof stored === "object" &&
    stored !== null &&
    !Array.isArray(stored) &&
    typeof stored["secure"] === "string"
  ) {
    return { value: secrets().decrypt(stored["secure"]), secret: true };
  }
  return { value: typeof stored === "string" ? stored : JSON.stringify(stored), secret: false };
}

function fileOf(folder: string, base: string): string | undefined {
  return ["yaml", "yml", "json"].map((extension) => join(folder, `${base}.${extension}`)).find(existsSync);
}
