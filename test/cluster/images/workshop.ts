import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../parts/run.ts";
import { writeBaseRoot, writeNodeRoot } from "./base-root.ts";
import { Buildah } from "./buildah.ts";

export const WORKSPACE = fileURLToPath(new URL("../../..", import.meta.url));
export const DOCKERFILE = join(WORKSPACE, "infra/images/Dockerfile");
export const ROOTFS_DOCKERFILE = fileURLToPath(new URL("rootfs.Dockerfile", import.meta.url));

/** What several images are made of, made once in a run and only when asked for; all of it is gone afterwards. */
export class Workshop implements AsyncDisposable {
  readonly buildah = new Buildah();
  readonly #folder = mkdtempSync(join(tmpdir(), "headgate-workshop-"));
  readonly #made = new Map<string, Promise<string>>();

  /** A name in buildah's store: what Dockerfiles take for the runtime base. */
  base(): Promise<string> {
    return this.#once("base", (folder) => this.#rootImage("headgate.test/base:local", folder, writeBaseRoot));
  }

  /** A name in buildah's store: the base with Node in it, which takes the place of the base to build on. */
  node(): Promise<string> {
    return this.#once("node", (folder) => this.#rootImage("headgate.test/node:local", folder, writeNodeRoot));
  }

  /** The folder of a plane that runs by itself, made by the script that the Dockerfile uses. */
  plane(name: "data-plane" | "control-plane"): Promise<string> {
    return this.#once(name, async (folder) => {
      const bin = writePnpm(join(folder, "bin"));
      const path = [bin, process.env["PATH"]].join(delimiter);
      const script = join(WORKSPACE, "infra/images/deploy.mjs");
      await run(process.execPath, [script, folder, name], { env: { ...process.env, CI: "1", PATH: path } });
      mkdirSync(join(folder, "state"));
      return folder;
    });
  }

  /** An empty folder. */
  folder(name: string): Promise<string> {
    return this.#once(`folder ${name}`, async (folder) => folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.buildah[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #rootImage(name: string, folder: string, write: (root: string) => Promise<void>): Promise<string> {
    await write(folder);
    await this.buildah.build({ name, dockerfile: ROOTFS_DOCKERFILE, context: folder });
    return name;
  }

  #once(name: string, make: (folder: string) => Promise<string>): Promise<string> {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const folder = join(this.#folder, name.replaceAll(" ", "-"));
    mkdirSync(folder, { recursive: true });
    const made = make(folder);
    this.#made.set(name, made);
    return made;
  }
}

/** The very pnpm that the Dockerfile installs. */
function writePnpm(folder: string): string {
  const version = /pnpm@(\S+)/.exec(readFileSync(DOCKERFILE, "utf8"))?.[1];
  if (version === undefined) throw new Error("the Dockerfile installs no pnpm");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "pnpm");
  writeFileSync(file, `#!/bin/sh\nexec npx --yes pnpm@${version} "$@"\n`);
  chmodSync(file, 0o755);
  return folder;
}
