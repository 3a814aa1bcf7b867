import { randomUUID } from "node:crypto";
import { link, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readJsonFile, writeJsonFile } from "./json-file.ts";
import { processIdentity } from "./process-identity.ts";
import { Refusal } from "./refusal.ts";

const holderSchema = z.strictObject({ pid: z.int().positive(), identity: z.string().min(1) });

/**
 * Makes this process the only one that works in a directory, until it ends or lets go: the embedded database has no
 * lock of its own, and two processes in its files would destroy them. What a killed process held is free.
 * Throws a `Refusal` when a living process holds the directory. Returns how to let go.
 */
export async function holdDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "in-use.json");
  const draft = join(directory, `in-use.${randomUUID()}.json`);
  const identity = (await processIdentity(process.pid)) ?? "unknown";
  await writeJsonFile(draft, { pid: process.pid, identity });
  try {
    while (!(await linked(draft, file))) {
      const holder = await readJsonFile(file, holderSchema);
      if (holder !== undefined && (await processIdentity(holder.pid)) === holder.identity)
        throw new Refusal(`${directory} is in use by process ${holder.pid}, another control plane.`);
      await rm(file, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
  return () => rm(file, { force: true });
}

/** A link appears with its whole content, and fails where another one is. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
