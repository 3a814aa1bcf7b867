/** Moves a damaged stream out of the way, whole: nothing of it is shipped or removed until someone has looked. */
import { join } from "node:path";
import type { Disk } from "../../storage/disk.ts";
import { parseSegmentName } from "./segment.ts";

export function setAside(disk: Disk, directory: string, name: string): void {
  const target = join(directory, name);
  disk.makeDirectory(target);
  // The stream's identity goes first: files that a crash leaves behind are then another stream's, and stay.
  for (const file of disk.list(directory).sort().reverse()) {
    if (file === "spool.json" || parseSegmentName(file) !== undefined)
      disk.rename(join(directory, file), join(target, file));
  }
}
