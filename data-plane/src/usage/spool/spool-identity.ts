/**
 * Whose stream the directory holds, and who may write it. Each process that opens the spool raises the writer's
 * epoch by renaming a new identity file over the old one; a process whose own file has lost its name knows that it
 * was superseded. The control plane fences by the same epoch, for directories that were copied.
 */
import { join } from "node:path";
import type { Id } from "@headgate/sdk/contract";
import { isId } from "@headgate/sdk/contract";
import { type Disk, replaceFile } from "../../storage/disk.ts";
import { type OnNewer, readState, versioned } from "../../storage/state-file.ts";

export interface SpoolIdentity {
  readonly streamId: Id<"stream">;
  readonly writerEpoch: number;
  /** True once another process has opened the spool. One system call. */
  superseded(): boolean;
  close(): void;
}

/** Takes the spool over, as a new stream where there is none yet (or none that can be read). */
export async function claimSpool(
  disk: Disk,
  directory: string,
  newStreamId: () => Id<"stream">,
  onNewer: OnNewer,
): Promise<SpoolIdentity> {
  const path = join(directory, "spool.json");
  const before = parseIdentity(readState(disk, path, onNewer));
  const streamId = before?.stream_id ?? newStreamId();
  const writerEpoch = (before?.writer_epoch ?? 0) + 1;
  const identity = versioned({ stream_id: streamId, writer_epoch: writerEpoch });
  await replaceFile(disk, path, Buffer.from(`${JSON.stringify(identity)}\n`));
  const fd = disk.open(path, "r");
  return { streamId, writerEpoch, superseded: () => disk.links(fd) === 0, close: () => disk.close(fd) };
}

function parseIdentity(identity: unknown): { stream_id: Id<"stream">; writer_epoch: number } | undefined {
  if (typeof identity !== "object" || identity === null) return undefined;
  const { stream_id, writer_epoch }: { stream_id?: unknown; writer_epoch?: unknown } = identity;
  return isId("stream", stream_id) && Number.isSafeInteger(writer_epoch)
    ? { stream_id, writer_epoch: Number(writer_epoch) }
    : undefined;
}
