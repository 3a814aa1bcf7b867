import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { BlobStore } from "./blob-store.ts";

export class FileStore implements BlobStore {
  readonly url: string;
  readonly #root: string;

  constructor(url: string) {
    const path = decodeURIComponent(url.slice("file://".length).replace(/\?.*/s, ""));
    this.#root = path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
    this.url = `file://${this.#root}`;
  }

  async read(name: string): Promise<string | undefined> {
    return readFile(join(this.#root, name), "utf8").catch(ifMissing(undefined));
  }

  async write(name: string, content: string): Promise<void> {
    const path = join(this.#root, name);
    await mkdir(dirname(path), { recursive: true });
    const partial = `${path}.${randomUUID()}.partial`;
    await writeFile(partial, content);
    await rename(partial, path);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#root, name), { force: true });
  }

  async list(prefix: string): Promise<string[]> {
    const folder = join(this.#root, dirname(`${prefix}x`));
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ifMissing([]));
    return entries
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".partial"))
      .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)))
      .filter((name) => name.startsWith(prefix))
      .sort();
  }

  async close(): Promise<void> {}
}

function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return value;
    throw error;
  };
}
