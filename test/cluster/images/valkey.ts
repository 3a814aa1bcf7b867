import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../parts/run.ts";
import { place } from "./base-root.ts";
import { contentHash } from "./content-hash.ts";
import { machineHash } from "./inputs.ts";
import { librariesOf } from "./native-files.ts";
import type { Recipe } from "./recipe.ts";
import { ROOTFS_DOCKERFILE } from "./workshop.ts";

/** Debian's package, by preference. Where there is no Valkey yet its ancestor does: the same protocol and settings. */
const SERVERS = [
  { debianPackage: "valkey-server", server: "valkey-server", client: "valkey-cli" },
  { debianPackage: "redis-server", server: "redis-server", client: "redis-cli" },
] as const;

/** What the pod's start and readiness scripts call. */
const SHELL = { "/bin/sh": "/bin/sh", "/bin/cat": "/usr/bin/cat", "/bin/grep": "/usr/bin/grep" };

/** The server and client of this machine's distribution, downloaded and unpacked, not installed. */
export const valkey: Recipe = {
  name: "valkey",
  inputs: async () => contentHash([fileURLToPath(import.meta.url)], { also: await machineHash() }),
  build: async ({ workshop, name, archive }) => {
    const packages = await workshop.folder("valkey packages");
    const root = await workshop.folder("valkey root");
    const { server, client } = await unpack(packages);
    const programs = { [server]: "valkey-server", [client]: "valkey-cli" };
    for (const [program, target] of Object.entries(programs)) {
      await placeProgram(
        root,
        join(packages, "root/usr/bin", program),
        `/usr/bin/${target}`,
        join(packages, "root"),
      );
    }
    for (const [program, target] of Object.entries(SHELL)) await placeProgram(root, program, target);
    for (const folder of ["tmp", "data"]) mkdirSync(join(root, folder), { recursive: true });
    await workshop.buildah.build({ name, dockerfile: ROOTFS_DOCKERFILE, context: root });
    await workshop.buildah.save(name, archive, name);
  },
};

async function unpack(folder: string): Promise<(typeof SERVERS)[number]> {
  const choice = await available();
  const args = ["install", "--simulate", "--reinstall", "--no-install-recommends", choice.debianPackage];
  const wanted = [...(await run("apt-get", args)).matchAll(/^Inst (\S+)/gm)].map(([, name]) => name ?? "");
  await run("apt-get", ["download", "-qq", ...wanted], { cwd: folder });
  const files = readdirSync(folder).filter((file) => file.endsWith(".deb"));
  for (const file of files) await run("dpkg-deb", ["-x", join(folder, file), join(folder, "root")]);
  return choice;
}

async function available(): Promise<(typeof SERVERS)[number]> {
  for (const update of [false, true]) {
    if (update) await run("apt-get", ["update", "-qq"]);
    for (const choice of SERVERS) {
      const policy = await run("apt-cache", ["policy", choice.debianPackage]);
      if (/Candidate: (?!\(none\))\S/.test(policy)) return choice;
    }
  }
  throw new Error("this machine's distribution has neither valkey-server nor redis-server");
}

/** With the libraries it loads: those below `unpacked` from there, and the others from this machine. */
async function placeProgram(
  root: string,
  program: string,
  target: string,
  unpacked = "/nowhere",
): Promise<void> {
  const folders = [join(unpacked, "usr/lib"), join(unpacked, "lib")]
    .filter(existsSync)
    .flatMap(withSubfolders);
  place(root, program, target);
  for (const library of await librariesOf(program, folders)) {
    place(root, library, library.startsWith(`${unpacked}/`) ? library.slice(unpacked.length) : library);
  }
}

function withSubfolders(folder: string): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return [folder, ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name))];
}
