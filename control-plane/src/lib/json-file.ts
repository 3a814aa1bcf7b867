import { readFile, rename, writeFile } from "node:fs/promises";
import type { z } from "zod";

/** Replaces the file in one step, readable by its owner only. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  const draft = `${path}.new`;
  await writeFile(draft, JSON.stringify(value), { mode: 0o600 });
  await rename(draft, path);
}

/** What the file says, or undefined when it is missing or is not what the schema wants. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}
