/**
 * Moves a stream out of the way, whole. Nothing of a damaged one is shipped or removed until someone has looked; a newer
 * one waits for a program that knows its form.
 */
import { join } from "node:path";
import type { Disk } from "../../storage/disk.ts";
import { freeName } from "../../storage/state-file.ts";
import { parseSegmentName } from "./segment.ts";

export function setAside(disk: Disk, directory: string, why: "damaged" | "newer"): void {
  const target = join(directory, freeName(disk, directory, why));
  disk.makeDirectory(target);
  // The stream's identity goes first: files that a crash leaves behind are then another stream's, and stay.
  for (const file of disk.list(directory).sort().reverse()) {
    if (file === "spool.json" || parseSegmentName(file) !== undefined)
      disk.rename(join(directory, file), join(target, file));
  }
}

export const NEWER_STREAM = /^newer-\d+$/;
/** How what was set aside is called, a stream or a file alone. */
export const SET_ASIDE = /^damaged-|^newer-|\.newer-/;
