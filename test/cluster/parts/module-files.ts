import { chmodSync, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { moduleFolder } from "./binaries.ts";
import { MODULE_FILES } from "./versions.ts";

/** Copies files out of the folders of released modules into folders under `folder`. */
export async function copyModuleFiles(folder: string): Promise<void> {
  for (const { module, from, files, to } of MODULE_FILES) {
    const source = join(await moduleFolder(module), from);
    const wanted = readdirSync(source).filter((file) => files.test(file));
    if (wanted.length === 0) throw new Error(`${module} has no such files under ${from}`);
    mkdirSync(join(folder, to), { recursive: true });
    for (const file of wanted) {
      copyFileSync(join(source, file), join(folder, to, file));
      // Go's module folders are read-only, and so would be the copy.
      chmodSync(join(folder, to, file), 0o644);
    }
  }
}
