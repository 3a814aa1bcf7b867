/**
 * Small files that must survive a crash whole: read as they were last written, or as they were before. Each states the
 * version of its form; one that states none is of the first, and from the second on it bears a checksum of the rest.
 * Whoever reads a file lifts what an older form lacks. What is damaged, or a newer program's, is not read as if it were
 * known, and never removed: it is set aside as it is, or left where it is.
 */
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { parseJson } from "../lib/json/member.ts";
import type { Logger } from "../lib/logger.ts";
import { type Disk, realDisk, replaceFile } from "./disk.ts";

const STATE_VERSION = 2;
/** The form of what has a checksum, or a signature, of its own kind. */
const UNCHECKED_VERSION = 1;

/** A file whose content is not taken for what it was written for. */
export abstract class UnreadStateError extends Error {
  abstract readonly code: string;
  /** How the file is called once it is set aside. */
  abstract readonly aside: "newer" | "damaged";
  readonly path: string;

  constructor(path: string, message: string) {
    super(`${path} ${message}`);
    this.path = path;
  }
}

/** A file of a newer version of this program. */
export class NewerStateError extends UnreadStateError {
  readonly code = "newer_state";
  readonly aside = "newer";

  constructor(path: string) {
    super(path, "was written by a newer version of this program");
  }
}

/** A file that is not what was written. */
export class DamagedStateError extends UnreadStateError {
  readonly code = "damaged_state";
  readonly aside = "damaged";

  constructor(path: string, what = "is damaged") {
    super(path, what);
  }
}

/** Moves the file out of the way; or throws, which leaves it where it is. */
export type OnUnread = (error: UnreadStateError) => void;

/** What to write for `content` where something else tells whether it is whole. */
export function versioned(content: object): object {
  return { version: UNCHECKED_VERSION, ...content };
}

/** What to write for `content`. */
export function checked(content: object): object {
  const written = { version: STATE_VERSION, ...content };
  return { checksum: checksumOf(written), ...written };
}

function checksumOf(written: object): string {
  return crc32(JSON.stringify(written)).toString(16).padStart(8, "0");
}

/** What was written as `versioned` or `checked`, by this program or an older one. Throws `UnreadStateError`. */
export function unversioned(path: string, written: unknown): unknown {
  if (typeof written !== "object" || written === null) throw new DamagedStateError(path);
  const { checksum, ...rest }: { checksum?: unknown; version?: unknown } = written;
  const { version = UNCHECKED_VERSION, ...content } = rest;
  if (!(Number(version) <= STATE_VERSION)) throw new NewerStateError(path);
  if ((checksum !== undefined || Number(version) > UNCHECKED_VERSION) && checksum !== checksumOf(rest))
    throw new DamagedStateError(path);
  return content;
}

/** Throws `UnreadStateError`. */
export function parseState(path: string, text: string): unknown {
  return unversioned(path, parseJson(text));
}

/**
 * What a state file says; undefined where there is none that is whole and known: the caller begins anew. `parse`
 * answers undefined for what is no such content.
 */
export function readState<T>(
  disk: Disk,
  path: string,
  parse: (content: unknown) => T | undefined,
  onUnread: OnUnread,
): T | undefined {
  const bytes = disk.read(path);
  if (bytes === undefined) return undefined;
  return unlessUnread(() => {
    const content = parse(parseState(path, bytes.toString("utf8")));
    if (content === undefined) throw new DamagedStateError(path);
    return content;
  }, onUnread);
}

/** Undefined where what is read cannot be taken, and is out of the way by now. */
export function unlessUnread<T>(read: () => T, onUnread: OnUnread): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnreadStateError)) throw error;
    onUnread(error);
    return undefined;
  }
}

/** Puts it in place whole or not at all; readable by the owner alone. Throws what the file system throws. */
export function writeState(path: string, content: object): Promise<void> {
  return writeStateFile(path, Buffer.from(JSON.stringify(checked(content))));
}

/** The same, for content that is not JSON alone. */
export async function writeStateFile(path: string, bytes: Uint8Array): Promise<void> {
  realDisk.makeDirectory(dirname(path));
  await replaceFile(realDisk, path, bytes);
}

export function moveAside(disk: Disk, { path, aside }: Pick<UnreadStateError, "path" | "aside">): void {
  const directory = dirname(path);
  disk.rename(path, join(directory, freeName(disk, directory, `${basename(path)}.${aside}`)));
}

/** Says so and moves it aside: what the file was for begins anew. */
export function moveAsideAndTell(logger: Logger): OnUnread {
  return (err) => {
    moveAside(realDisk, err);
    logger.error({ err }, "a state file was set aside");
  };
}

/** The first of `name-1`, `name-2` and so on that nothing in the directory is called. */
export function freeName(disk: Disk, directory: string, name: string): string {
  const taken = new Set(disk.list(directory));
  let number = 1;
  while (taken.has(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}
