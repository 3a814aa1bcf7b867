/** The file operations that the spool is built on, in one place so that a test can make each of them fail. */
import {
  closeSync,
  fdatasync,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

export interface Disk {
  makeDirectory(path: string): void;
  list(directory: string): string[];
  /** Undefined where there is no such file. */
  read(path: string): Buffer | undefined;
  open(path: string, flags: "r" | "r+" | "wx" | "w"): number;
  /** Writes `bytes[from, to)` at `position`; like the system call, it may write less and says how much. */
  write(fd: number, bytes: Uint8Array, range: { from: number; to: number; position: number }): number;
  readAt(fd: number, into: Uint8Array, position: number): number;
  /** How many names the open file still has: 0 once another file was renamed over it. */
  links(fd: number): number;
  /** fdatasync. */
  sync(fd: number): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  close(fd: number): void;
  rename(from: string, to: string): void;
  /** Removing what is not there is no error. */
  remove(path: string): void;
}

const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);

export const realDisk: Disk = {
  makeDirectory: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  list: (directory) => readdirSync(directory),
  read(path) {
    try {
      return readFileSync(path);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  },
  open: (path, flags) => openSync(path, flags, 0o600),
  write: (fd, bytes, { from, to, position }) => writeSync(fd, bytes, from, to - from, position),
  readAt: (fd, into, position) => readSync(fd, into, 0, into.length, position),
  links: (fd) => fstatSync(fd).nlink,
  sync: fdatasyncAsync,
  async syncDirectory(path) {
    const fd = openSync(path, "r");
    try {
      await fsyncAsync(fd);
    } finally {
      closeSync(fd);
    }
  },
  close: (fd) => closeSync(fd),
  rename: (from, to) => renameSync(from, to),
  remove: (path) => rmSync(path, { force: true }),
};

/** Writes all of `bytes[0, length)` at `position`, however short the single writes are. */
export function writeFully(
  disk: Disk,
  fd: number,
  { bytes, length, position }: { bytes: Uint8Array; length: number; position: number },
): void {
  let from = 0;
  while (from < length) {
    const count = disk.write(fd, bytes, { from, to: length, position: position + from });
    if (count <= 0) throw new Error("the disk took no bytes");
    from += count;
  }
}

/** Puts a file in place whole or not at all, durably: temporary file, fdatasync, rename, fsync of the directory. */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const fd = disk.open(temporary, "w");
  try {
    writeFully(disk, fd, { bytes, length: bytes.length, position: 0 });
    await disk.sync(fd);
  } finally {
    disk.close(fd);
  }
  disk.rename(temporary, path);
  await disk.syncDirectory(dirname(path));
}
