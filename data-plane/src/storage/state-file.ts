/**
 * Small files that must survive a crash whole: read as they were last written, or as they were before. Each states the
 * version of its form; one that states none is of the first. Whoever reads a file lifts what an older form lacks. What
 * a newer program has written is not read as if it were known: it is set aside as it is, or left where it is.
 */
import { basename, dirname, join } from "node:path";
import { parseJson } from "../lib/json/member.ts";
import type { Logger } from "../lib/logger.ts";
import { type Disk, realDisk, replaceFile } from "./disk.ts";

const STATE_VERSION = 1;

/** A file of a newer version of this program. */
export class NewerStateError extends Error {
  readonly code = "newer_state";
  readonly path: string;

  constructor(path: string) {
    super(`${path} was written by a newer version of this program`);
    this.path = path;
  }
}

/** Moves the file out of the way; or throws, which leaves it where it is. */
export type OnNewer = (error: NewerStateError) => void;

/** What to write for `content`. */
export function versioned(content: object): object {
  return { version: STATE_VERSION, ...content };
}

/** What was written as `versioned`, by this program or an older one. Throws `NewerStateError`. */
export function unversioned(path: string, written: unknown): unknown {
  if (typeof written !== "object" || written === null || !("version" in written)) return written;
  const { version, ...content } = written;
  if (!(Number(version) <= STATE_VERSION)) throw new NewerStateError(path);
  return content;
}

/** Undefined where it is not whole. Throws `NewerStateError`. */
export function parseState(path: string, text: string): unknown {
  return unversioned(path, parseJson(text));
}

/** What a state file says; undefined where there is none that is whole and known: the caller begins anew. */
export function readState(disk: Disk, path: string, onNewer: OnNewer): unknown {
  const bytes = disk.read(path);
  return bytes && unlessNewer(() => parseState(path, bytes.toString("utf8")), onNewer);
}

/** Undefined where what is read is newer, and out of the way by now. */
export function unlessNewer<T>(read: () => T, onNewer: OnNewer): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NewerStateError)) throw error;
    onNewer(error);
    return undefined;
  }
}

/** Puts it in place whole or not at all; readable by the owner alone. Throws what the file system throws. */
export function writeState(path: string, content: object): Promise<void> {
  return writeStateFile(path, Buffer.from(JSON.stringify(versioned(content))));
}

/** The same, for content that is not JSON alone. */
export async function writeStateFile(path: string, bytes: Uint8Array): Promise<void> {
  realDisk.makeDirectory(dirname(path));
  await replaceFile(realDisk, path, bytes);
}

export function moveAside(disk: Disk, path: string): void {
  const directory = dirname(path);
  disk.rename(path, join(directory, freeName(disk, directory, `${basename(path)}.newer`)));
}

/** Says so and moves it aside: what the file was for begins anew. */
export function moveAsideAndTell(logger: Logger): OnNewer {
  return (err) => {
    moveAside(realDisk, err.path);
    logger.warn({ err }, "a state file was set aside");
  };
}

/** The first of `name-1`, `name-2` and so on that nothing in the directory is called. */
export function freeName(disk: Disk, directory: string, name: string): string {
  const taken = new Set(disk.list(directory));
  let number = 1;
  while (taken.has(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}
