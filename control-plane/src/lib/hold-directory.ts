import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { sha256Hex } from "./canonical-json.ts";
import { writeJsonFile } from "./json-file.ts";
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
  await writeJsonFile(draft, {
    pid: process.pid,
    identity: (await processIdentity(process.pid)) ?? "unknown",
  });
  const mine = await textOf(draft);
  try {
    const holder = await claim(file, draft);
    if (holder !== undefined)
      throw new Refusal(`${directory} is in use by process ${holder}, another control plane.`);
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    if ((await textOf(file)) === mine) await rm(file, { force: true });
  };
}

/**
 * Puts the draft in the file's place where that is free, and returns the living process that has it otherwise.
 * Of those who find the same dead holder one at a time may clear it away, and looks again before it does: another one
 * could have been faster, and what lies there now be the claim of a living process. The turn is claimed in the same
 * way, for whoever has it may be killed as well.
 */
async function claim(file: string, draft: string): Promise<number | undefined> {
  while (!(await linked(draft, file))) {
    const found = await textOf(file);
    if (found === undefined) continue;
    const holder = await livingHolder(found);
    if (holder !== undefined) return holder;
    const turn = `${file}.${sha256Hex(found).slice(0, 16)}`;
    if ((await claim(turn, draft)) !== undefined) {
      await sleep(5);
      continue;
    }
    if ((await textOf(file)) === found) await rm(file, { force: true });
    await rm(turn);
  }
  return undefined;
}

/** Undefined for a process that has ended, and for a text that breaks off, as after a power cut. */
async function livingHolder(text: string): Promise<number | undefined> {
  const { pid, identity } = holderOf(text) ?? {};
  return pid !== undefined && (await processIdentity(pid)) === identity ? pid : undefined;
}

function holderOf(text: string): z.infer<typeof holderSchema> | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** A link appears with its whole content, and fails where another one is. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
