import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../parts/run.ts";

export interface Build {
  /** With tag. */
  readonly name: string;
  readonly dockerfile: string;
  readonly target?: string;
  /** The build context; without it an empty folder. */
  readonly context?: string;
  readonly args?: Readonly<Record<string, string>>;
  /** Folders that take the place of stages of the same name. */
  readonly stages?: Readonly<Record<string, string>>;
}

/** Builds images in a store of its own, which is gone when it is disposed of. */
export class Buildah implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "headgate-buildah-"));

  async build(build: Build): Promise<void> {
    const empty = join(this.#folder, "empty");
    mkdirSync(empty, { recursive: true });
    await this.#run("bud", [
      "--isolation=chroot",
      // No time of its own gets in, so that the same content is the same image.
      "--timestamp=0",
      "--identity-label=false",
      "--quiet",
      ...Object.entries(build.args ?? {}).map(([name, value]) => `--build-arg=${name}=${value}`),
      ...Object.entries(build.stages ?? {}).map(([name, folder]) => `--build-context=${name}=${folder}`),
      ...(build.target === undefined ? [] : [`--target=${build.target}`]),
      `--file=${build.dockerfile}`,
      `--tag=${build.name}`,
      build.context ?? empty,
    ]);
  }

  /** Writes an image as an OCI archive in which it is called `name`. */
  async save(image: string, archive: string, name: string): Promise<void> {
    await this.#run("push", ["--format=oci", "--quiet", image, `oci-archive:${archive}:${name}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(command: string, args: readonly string[]): Promise<string> {
    // Signature policies of the machine say what may be pulled; nothing is pulled here.
    const policy = join(this.#folder, "policy.json");
    writeFileSync(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
    const store = ["--storage-driver=vfs", `--root=${this.#folder}/root`, `--runroot=${this.#folder}/run`];
    return run("buildah", [...store, command, `--signature-policy=${policy}`, ...args]);
  }
}
