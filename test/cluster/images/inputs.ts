import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { certificates, nameServiceLibraries } from "./base-root.ts";
import { contentHash } from "./content-hash.ts";
import { librariesOf } from "./native-files.ts";
import { DOCKERFILE, WORKSPACE } from "./workshop.ts";

const PACKAGES = {
  "data-plane": ["sdk", "data-plane"],
  "control-plane": ["sdk", "infra", "control-plane"],
} as const;

const USELESS = /\.(map|d\.ts|tsbuildinfo|(test|bench)\.js)$|^testing$/;

let machine: Promise<string> | undefined;

/** Of what the base images take from this machine. */
export function machineHash(): Promise<string> {
  machine ??= hashMachine();
  return machine;
}

/** Of what is in a plane's image: compiled code, packages, and how they are put together. */
export async function planeHash(plane: keyof typeof PACKAGES): Promise<string> {
  const packages = PACKAGES[plane].map((name) => join(WORKSPACE, name));
  const files = [
    DOCKERFILE,
    join(WORKSPACE, "infra/images/deploy.mjs"),
    join(WORKSPACE, "infra/images/users"),
    join(WORKSPACE, "pnpm-lock.yaml"),
    join(WORKSPACE, "pnpm-workspace.yaml"),
    ...packages.flatMap((folder) => [join(folder, "package.json"), join(folder, "dist")]),
    ...(plane === "control-plane" ? [join(WORKSPACE, "control-plane/migrations")] : []),
  ];
  return contentHash(files, { accepts: (name) => !USELESS.test(name), also: await machineHash() });
}

async function hashMachine(): Promise<string> {
  const libraries = await librariesOf(process.execPath);
  const files = [process.execPath, ...libraries, ...nameServiceLibraries(libraries), ...certificates()];
  return contentHash([...files, here("base-root.ts"), here("rootfs.Dockerfile")]);
}

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
