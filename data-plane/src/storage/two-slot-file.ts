/**
 * A small value in a file of fixed size, overwritten in place: two slots are written in turn, so that a torn write
 * costs the newest value only, and a full disk costs nothing, because no new block is needed.
 */
import { crc32 } from "node:zlib";
import { type Disk, writeFully } from "./disk.ts";
import { DamagedStateError, type OnUnread, unlessUnread, unversioned, versioned } from "./state-file.ts";

const SLOT_BYTES = 512;

export interface TwoSlotFile<T> {
  /** There was none. */
  readonly isNew: boolean;
  readonly value: T;
  /** Hands the value to the operating system. Throws where the disk fails; the value before it then stands. */
  write(value: T): void;
  sync(): Promise<void>;
  close(): void;
}

export interface TwoSlotForm<T> {
  readonly initial: T;
  /** Undefined for what it does not know. */
  parse(content: unknown): T | undefined;
  readonly onUnread: OnUnread;
  /** One slot is damaged, and what the other says is in force: it may be older. */
  onTorn(error: DamagedStateError): void;
}

/**
 * Opens or creates the file. Where either slot is a newer program's, or none of both can be read, a new file takes its
 * place.
 */
export function openTwoSlotFile<T extends object>(
  disk: Disk,
  path: string,
  { initial, parse, onUnread, onTorn }: TwoSlotForm<T>,
): TwoSlotFile<T> {
  let stored = disk.read(path);
  const isNew = stored === undefined;
  let newest: Slot<T> = { version: 0, value: initial };
  const slots = unlessUnread(() => {
    const read = [0, 1].map(
      (index) => stored && readSlot(stored, index, (value) => parse(unversioned(path, value))),
    );
    const torn = read.some((slot, index) => slot === undefined && stored && !isBlank(stored, index));
    if (torn && !read.some(Boolean)) throw new DamagedStateError(path);
    if (torn) onTorn(new DamagedStateError(path, "is damaged in one of its halves"));
    return read;
  }, onUnread);
  if (slots === undefined) stored = undefined;
  for (const slot of slots ?? []) if (slot !== undefined && slot.version > newest.version) newest = slot;
  const fd = disk.open(path, stored === undefined ? "wx" : "r+");
  if (stored === undefined || stored.length < 2 * SLOT_BYTES) {
    const blank = Buffer.alloc(2 * SLOT_BYTES);
    stored?.copy(blank);
    writeFully(disk, fd, { bytes: blank, length: blank.length, position: 0 });
  }
  return {
    isNew,
    get value() {
      return newest.value;
    },
    write(value) {
      const slot = { version: newest.version + 1, value };
      const position = (slot.version % 2) * SLOT_BYTES;
      writeFully(disk, fd, { bytes: slotBytes(slot), length: SLOT_BYTES, position });
      newest = slot;
    },
    sync: () => disk.sync(fd),
    close: () => disk.close(fd),
  };
}

interface Slot<T> {
  /** Of the value, not of its form: how often it was written. */
  readonly version: number;
  readonly value: T;
}

function slotBytes<T extends object>({ version, value }: Slot<T>): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES);
  const json = Buffer.from(JSON.stringify({ version, value: versioned(value) }), "utf8");
  if (json.length + 8 > SLOT_BYTES) throw new RangeError("the value does not fit its slot");
  bytes.writeUInt32LE(json.length, 0);
  bytes.writeUInt32LE(crc32(json), 4);
  json.copy(bytes, 8);
  return bytes;
}

/** As it is before it is first written. */
function isBlank(stored: Buffer, index: number): boolean {
  return stored.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES).every((byte) => byte === 0);
}

function readSlot<T>(
  stored: Buffer,
  index: number,
  parse: (json: unknown) => T | undefined,
): Slot<T> | undefined {
  const bytes = stored.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES);
  if (bytes.length < SLOT_BYTES) return undefined;
  const length = bytes.readUInt32LE(0);
  if (length === 0 || length + 8 > SLOT_BYTES) return undefined;
  const json = bytes.subarray(8, 8 + length);
  if (crc32(json) !== bytes.readUInt32LE(4)) return undefined;
  const slot: { version: number; value: unknown } = JSON.parse(json.toString("utf8"));
  const value = parse(slot.value);
  return value === undefined ? undefined : { version: slot.version, value };
}
