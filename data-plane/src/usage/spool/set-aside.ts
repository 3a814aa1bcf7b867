/**
 * Moves a stream out of the way, whole. Nothing of a damaged one is shipped or removed until someone has looked; a newer
 * one waits for a program that knows its form.
 */
import { join } from "node:path";
import type { Disk } from "../../storage/disk.ts";
import { freeName } from "../../storage/state-file.ts";
import { parseSegmentName } from "./segment.ts";
import { SUBSTITUTES_FILE } from "./substitutes.ts";

export function setAside(disk: Disk, directory: string, why: "damaged" | "newer"): void {
  const files = disk
    .list(directory)
    .filter((file) => isOfStream(file) || parseSegmentName(file) !== undefined);
  // The stream's identity goes first, and then what is newest: no half of it is taken for the whole.
  setFilesAside(disk, directory, why, files.sort().reverse());
}

/** Moves the files, in this order, into a directory of their own. */
export function setFilesAside(disk: Disk, directory: string, why: string, files: readonly string[]): void {
  if (files.length === 0) return;
  const target = join(directory, freeName(disk, directory, why));
  disk.makeDirectory(target);
  for (const file of files) disk.rename(join(directory, file), join(target, file));
}

function isOfStream(file: string): boolean {
  return file === "spool.json" || file === SUBSTITUTES_FILE;
}

export const NEWER_STREAM = /^newer-\d+$/;
/** How what was set aside is called, a stream or a file alone. */
export const SET_ASIDE = /^damaged-|^newer-|^strays-|\.newer-|\.damaged-/;
/** What else lies in the directory of a spool. */
const OWN =
  /^(spool\.json|ledger|budgets\.json|substitutes|refused-batch\.ndjson\.gz)(\.tmp)?$|\.segment(\.tmp)?$/;

/** Files of which a spool knows nothing: they stay where they are. */
export function foreignFiles(disk: Disk, directory: string): string[] {
  return disk.list(directory).filter((file) => !OWN.test(file) && !SET_ASIDE.test(file));
}

/** True of what somebody may still want to look at when all that can be shipped is: it is never removed. */
export function isKept(file: string): boolean {
  return !OWN.test(file) || file === SUBSTITUTES_FILE;
}
