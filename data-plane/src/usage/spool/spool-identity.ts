/**
 * Whose stream the directory holds, and who may write it. Each process that opens the spool raises the writer's
 * epoch by renaming a new identity file over the old one; a process whose own file has lost its name knows that it
 * was superseded. The control plane fences by the same epoch, for directories that were copied.
 */
import { join } from "node:path";
import type { Id } from "@headgate/sdk/contract";
import { isId } from "@headgate/sdk/contract";
import { type Disk, replaceFile } from "../../storage/disk.ts";
import { parseState } from "../../storage/state-file.ts";

export interface SpoolIdentity {
  readonly streamId: Id<"stream">;
  readonly writerEpoch: number;
  /** True once another process has opened the spool. One system call. */
  superseded(): boolean;
  close(): void;
}

/** Takes the spool over, as a new stream where there is none yet (or none that can be read). Throws `NewerStateError`. */
export async function claimSpool(
  disk: Disk,
  directory: string,
  newStreamId: () => Id<"stream">,
): Promise<SpoolIdentity> {
  const path = join(directory, "spool.json");
  const before = parseIdentity(path, disk.read(path));
  const streamId = before?.stream_id ?? newStreamId();
  const writerEpoch = (before?.writer_epoch ?? 0) + 1;
  await replaceFile(
    disk,
    path,
    Buffer.from(`${JSON.stringify({ stream_id: streamId, writer_epoch: writerEpoch })}\n`),
  );
  const fd = disk.open(path, "r");
  return {
    streamId,
    writerEpoch,
    superseded: () => disk.links(fd) === 0,
    close: () => disk.close(fd),
  };
}

function parseIdentity(
  path: string,
  bytes: Buffer | undefined,
): { stream_id: Id<"stream">; writer_epoch: number } | undefined {
  const identity = parseState(path, bytes);
  if (typeof identity !== "object" || identity === null) return undefined;
  const { stream_id, writer_epoch }: { stream_id?: unknown; writer_epoch?: unknown } = identity;
  return isId("stream", stream_id) && Number.isSafeInteger(writer_epoch)
    ? { stream_id, writer_epoch: Number(writer_epoch) }
    : undefined;
}
