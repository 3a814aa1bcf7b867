import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CACHE } from "../parts/cache.ts";
import type { ProcessId } from "./process-table.ts";

/**
 * What the node has changed on this machine, written down before (or in the moment) it is done, line by line: whoever
 * comes after a node that was killed undoes exactly that. There is one node per machine, hence one record.
 */
export type Entry =
  | { readonly kind: "directory"; readonly path: string; readonly removeWhenDone: boolean }
  | { readonly kind: "process"; readonly name: string; readonly id: ProcessId }
  | { readonly kind: "bridge"; readonly name: string }
  | { readonly kind: "setting"; readonly file: string; readonly before: string }
  | { readonly kind: "firewall-rule"; readonly args: readonly string[] }
  | { readonly kind: "nft-tables"; readonly name: string }
  | { readonly kind: "cgroups"; readonly names: readonly string[] }
  | { readonly kind: "folder"; readonly path: string };

/** Who holds its lock has the one node of this machine. */
export const NODE_FOLDER = join(tmpdir(), "headgate-node");

const FILE = join(CACHE, "node.jsonl");

let closed = false;

/** From now on nothing may be changed any more: every `note` throws. For a start that is broken off. */
export function closeRecord(): void {
  closed = true;
}

export function assertOpen(): void {
  if (closed) throw new Error("the node is being stopped");
}

export function note(entry: Entry): void {
  assertOpen();
  appendFileSync(FILE, `${JSON.stringify(entry)}\n`);
}

export function noted(): readonly Entry[] {
  let text: string;
  try {
    text = readFileSync(FILE, "utf8");
  } catch {
    return [];
  }
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.flatMap((line, index) => {
    try {
      return [JSON.parse(line) as Entry];
    } catch (error) {
      // Only the line that was being written when the writer was killed may be half a line.
      if (index === lines.length - 1) return [];
      throw error;
    }
  });
}

export function forget(): void {
  rmSync(FILE, { force: true });
}
