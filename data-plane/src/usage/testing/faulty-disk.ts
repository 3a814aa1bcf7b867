/** The real disk, until a chosen operation: from there on a process may be dead, or the disk broken for a while. */
import { type Disk, realDisk } from "../../storage/disk.ts";

export interface FaultyDisk extends Disk {
  /** Operations so far that could have failed. */
  readonly operations: number;
  /** Lets the operations from `first` to before `until` fail (numbered from 0). */
  failBetween(first: number, until: number): void;
}

class DiskFault extends Error {
  override readonly name = "DiskFault";
}

/** A write that fails leaves `writtenShare` (0 to 1) of its bytes behind, as a full disk does. */
export function faultyDisk(writtenShare = 0, base: Disk = realDisk): FaultyDisk {
  let operations = 0;
  let range = { first: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY };
  const failing = (): boolean => {
    const number = operations;
    operations += 1;
    return number >= range.first && number < range.until;
  };
  const check = (): void => {
    if (failing()) throw new DiskFault("injected");
  };
  const checkLater = async (): Promise<void> => check();
  return {
    get operations() {
      return operations;
    },
    failBetween(first, until) {
      range = { first, until };
    },
    makeDirectory: base.makeDirectory,
    list: base.list,
    read: base.read,
    readAt: base.readAt,
    links: base.links,
    close: base.close,
    open(path, flags) {
      if (flags !== "r") check();
      return base.open(path, flags);
    },
    write(fd, bytes, { from, to, position }) {
      if (failing()) {
        const part = Math.floor((to - from) * writtenShare);
        if (part > 0) base.write(fd, bytes, { from, to: from + part, position });
        throw new DiskFault("injected");
      }
      // Short writes are normal, and must be coped with.
      const most = to - from > 64 ? Math.ceil((to - from) / 2) : to - from;
      return base.write(fd, bytes, { from, to: from + most, position });
    },
    // A process that dies leaves the page cache behind, so nothing is gained by waiting for the real disk.
    sync: checkLater,
    syncDirectory: checkLater,
    rename(from, to) {
      check();
      base.rename(from, to);
    },
    remove(path) {
      check();
      base.remove(path);
    },
  };
}
