/**
 * Whose stream the directory holds, and who may write it. Each process that opens the spool raises the writer's
 * epoch by renaming a new identity file over the old one; a process whose own file has lost its name knows that it
 * was superseded. The control plane fences by the same epoch, for directories that were copied.
 */
import { join } from "node:path";
import type { Id } from "@headgate/sdk/contract";
import { isId } from "@headgate/sdk/contract";
import { type Disk, replaceFile } from "../../storage/disk.ts";
import { checked, DamagedStateError, type OnUnread, readState } from "../../storage/state-file.ts";
import { newestHeader } from "./read-segments.ts";

export interface SpoolIdentity {
  /** By which segments know that they belong together. */
  readonly streamId: Id<"stream">;
  readonly writerEpoch: number;
  readonly shippedAs: ShippedAs;
  /** True once another process has opened the spool. One system call. */
  superseded(): boolean;
  /** Rejects where the disk fails: all is then as it was. */
  shipAs(shippedAs: ShippedAs): Promise<void>;
  close(): void;
}

/**
 * The stream as the control plane knows it. It is that of the segments until it turns out that the control plane has
 * another history of that one; then what comes after `afterSeq` is shipped as a stream of its own, numbered from 1.
 */
export interface ShippedAs {
  readonly streamId: Id<"stream">;
  readonly afterSeq: number;
  /** Sums of every dimension up to `afterSeq`, as they are in the segments; decimal strings. */
  readonly totals: Readonly<Record<string, string>>;
}

/**
 * Takes the spool over, as a new stream where there is none yet. Where its own file is lost, segments tell whose they
 * are.
 */
export async function claimSpool(
  disk: Disk,
  directory: string,
  newStreamId: () => Id<"stream">,
  onUnread: OnUnread,
): Promise<SpoolIdentity> {
  const path = join(directory, "spool.json");
  const before =
    readState(disk, path, parseIdentity, onUnread) ?? identityInSegments(disk, directory, path, onUnread);
  const streamId = before?.stream_id ?? newStreamId();
  const writerEpoch = (before?.writer_epoch ?? 0) + 1;
  let shippedAs = before?.shipped_as ?? { streamId, afterSeq: 0, totals: {} };
  let fd = await write(shippedAs);
  let writing = false;

  async function write({ streamId: stream_id, afterSeq: after_seq, totals }: ShippedAs): Promise<number> {
    const identity = checked({
      stream_id: streamId,
      writer_epoch: writerEpoch,
      ...(stream_id !== streamId && { shipped_as: { stream_id, after_seq, totals } }),
    });
    await replaceFile(disk, path, Buffer.from(`${JSON.stringify(identity)}\n`));
    return disk.open(path, "r");
  }

  return {
    streamId,
    writerEpoch,
    get shippedAs() {
      return shippedAs;
    },
    superseded: () => !writing && disk.links(fd) === 0,
    async shipAs(next) {
      if (disk.links(fd) === 0) throw new Error("another process has taken this spool over");
      writing = true;
      try {
        const written = await write(next);
        disk.close(fd);
        fd = written;
        shippedAs = next;
      } finally {
        writing = false;
      }
    },
    close: () => disk.close(fd),
  };
}

interface StoredIdentity {
  readonly stream_id: Id<"stream">;
  readonly writer_epoch: number;
  readonly shipped_as?: ShippedAs | undefined;
}

function identityInSegments(
  disk: Disk,
  directory: string,
  path: string,
  onUnread: OnUnread,
): StoredIdentity | undefined {
  const header = newestHeader(disk, directory);
  if (header === undefined || !isId("stream", header.stream_id)) return undefined;
  // Where it was damaged that was told already, and it is out of the way.
  const missing = !disk.list(directory).some((name) => name.startsWith("spool.json."));
  if (missing) onUnread(new DamagedStateError(path, "is missing"));
  return { stream_id: header.stream_id, writer_epoch: header.writer_epoch };
}

function parseIdentity(identity: unknown): StoredIdentity | undefined {
  if (typeof identity !== "object" || identity === null) return undefined;
  const { stream_id, writer_epoch, shipped_as }: Partial<Record<keyof StoredIdentity, unknown>> = identity;
  if (!isId("stream", stream_id) || !Number.isSafeInteger(writer_epoch)) return undefined;
  return { stream_id, writer_epoch: Number(writer_epoch), shipped_as: parseShippedAs(shipped_as) };
}

function parseShippedAs(value: unknown): ShippedAs | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { stream_id, after_seq, totals }: { stream_id?: unknown; after_seq?: unknown; totals?: unknown } =
    value;
  if (!isId("stream", stream_id) || typeof totals !== "object" || totals === null) return undefined;
  return { streamId: stream_id, afterSeq: Number(after_seq), totals: { ...totals } };
}
