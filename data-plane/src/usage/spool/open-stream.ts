/**
 * Finds the stream that a directory holds, and takes it over. Nothing that is not understood is removed or passed over:
 * a stream that is damaged or a newer program's is set aside whole and counted, and a new one begins; a file alone is set
 * aside where the stream can go on without it.
 */
import { join } from "node:path";
import type { Contract, Id } from "@headgate/sdk/contract";
import type { Disk } from "../../storage/disk.ts";
import {
  DamagedStateError,
  moveAside,
  NewerStateError,
  type UnreadStateError,
} from "../../storage/state-file.ts";
import type { TwoSlotFile } from "../../storage/two-slot-file.ts";
import { type BudgetCheckpoint, openBudgetCheckpoint } from "./budget-checkpoint.ts";
import { type RecoveredSegments, readSegments, SpoolDamagedError } from "./read-segments.ts";
import type { Segment } from "./segment.ts";
import { foreignFiles, setAside, setFilesAside } from "./set-aside.ts";
import { claimSpool, type SpoolIdentity } from "./spool-identity.ts";
import { openSpoolLedger, type SpoolFigures } from "./spool-ledger.ts";

export interface OpenStreamOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly contract: Contract;
  newStreamId(): Id<"stream">;
  /** Leaves a newer program's spool to it, and rejects; without this it is set aside. */
  readonly leavesNewer?: boolean;
  /** False for budget keys of windows so long past that nothing asks for them. */
  keepsCounter(key: string): boolean;
  /** Told of damage, and of what was set aside. */
  onFault(error: unknown): void;
}

export interface OpenedStream {
  readonly identity: SpoolIdentity;
  readonly ledger: TwoSlotFile<SpoolFigures>;
  readonly checkpoint: BudgetCheckpoint;
  readonly found: RecoveredSegments;
}

/** Rejects where the disk fails. */
export async function openStream(options: OpenStreamOptions): Promise<OpenedStream> {
  const { disk, directory, contract } = options;
  disk.makeDirectory(directory);
  let streamsAside = 0;
  let identity = await claim();
  const ledger = openSpoolLedger(disk, directory, { onUnread: onLedgerUnread, onTorn: tell });
  let checkpoint = openCheckpoint(identity);
  let found: RecoveredSegments;
  try {
    found = read();
  } catch (error) {
    identity.close();
    if (error instanceof NewerStateError) setStreamAside(error, "newer");
    else if (error instanceof SpoolDamagedError) setStreamAside(error, "damaged");
    else throw error;
    const counted = checkpoint;
    identity = await claim();
    counted.beginStream();
    await counted.save();
    checkpoint = openCheckpoint(identity);
    found = read();
  }
  lookForLostCharges(found);
  if (ledger.isNew && found.segments.length > 0)
    found.damage.push(new SpoolDamagedError("the ledger is missing: what it counted as lost is not known"));
  for (const error of [...found.damage, ...found.torn]) tell(error);
  countLostNow(streamsAside + found.damage.length);
  setStraysAside(found.strays);
  const foreign = foreignFiles(disk, directory);
  if (foreign.length > 0)
    tell(new Error(`files that are not the spool's: ${foreign.join(", ").slice(0, 500)}`));
  await makeDurable(disk, found.segments.slice(-2));
  return { identity, ledger, checkpoint, found };

  function claim(): Promise<SpoolIdentity> {
    return claimSpool(disk, directory, options.newStreamId, onIdentityUnread);
  }

  function tell(error: Error): void {
    if (error instanceof NewerStateError && options.leavesNewer === true) throw error;
    options.onFault(error);
  }

  function setStreamAside(error: Error, why: "damaged" | "newer"): void {
    tell(error);
    setAside(disk, directory, why);
    streamsAside += 1;
  }

  /** Segments tell whose they are, so a stream survives the loss of the file that says so. */
  function onIdentityUnread(error: UnreadStateError): void {
    if (error instanceof NewerStateError) setStreamAside(error, "newer");
    else {
      tell(error);
      if (disk.read(error.path) !== undefined) moveAside(disk, error);
    }
  }

  function onFileUnread(error: UnreadStateError): void {
    tell(error);
    moveAside(disk, error);
  }

  /** How much it counted as lost is lost with it. */
  function onLedgerUnread(error: UnreadStateError): void {
    onFileUnread(error);
    if (error instanceof DamagedStateError) streamsAside += 1;
  }

  function countLostNow(count: number): void {
    if (count === 0) return;
    const acked_seq = ledger.value.stream_id === identity.streamId ? ledger.value.acked_seq : 0;
    ledger.write({ ...ledger.value, acked_seq, lost_events: ledger.value.lost_events + count });
  }

  /** Segments are removed only after the checkpoint counts their charges. */
  function lookForLostCharges({ segments }: RecoveredSegments): void {
    const removedUpTo = (segments[0]?.firstSeq ?? 1) - 1;
    if (removedUpTo > (checkpoint.foundSeq ?? 0))
      tell(new Error("the checkpoint of budgets is missing, or an older one: what it counted is not known"));
  }

  function setStraysAside(strays: readonly string[]): void {
    const [empty, full] = [true, false].map((isEmpty) =>
      strays.filter((name) => (disk.read(join(directory, name))?.length === 0) === isEmpty),
    );
    for (const name of empty ?? []) disk.remove(join(directory, name));
    if (full === undefined || full.length === 0) return;
    setFilesAside(disk, directory, "strays", full);
    tell(
      new Error(`segments that are not part of the stream were set aside: ${full.join(", ").slice(0, 500)}`),
    );
  }

  function openCheckpoint({ streamId }: SpoolIdentity): BudgetCheckpoint {
    return openBudgetCheckpoint({
      disk,
      directory,
      streamId,
      keeps: options.keepsCounter,
      onUnread: onFileUnread,
    });
  }

  function read(): RecoveredSegments {
    const { stream_id, acked_seq: ackedSeq, head_seq: headSeq, segment } = ledger.value;
    return readSegments({
      disk,
      directory,
      contract,
      streamId: identity.streamId,
      writerEpoch: identity.writerEpoch,
      reached: stream_id === identity.streamId ? { ackedSeq, headSeq, segment } : undefined,
      chargesAfterSeq: checkpoint.seq,
      onCharges: (charges, seq) => checkpoint.add(charges, seq),
    });
  }
}

/**
 * Syncs what was read: a process that was killed may have left it in the page cache, and the next segment is about to
 * say that it is on disk, and that what stands beyond it is not part of the stream.
 */
async function makeDurable(disk: Disk, segments: readonly Segment[]): Promise<void> {
  for (const segment of segments) {
    const fd = disk.open(segment.path, "r+");
    try {
      await disk.sync(fd);
    } finally {
      disk.close(fd);
    }
  }
}
