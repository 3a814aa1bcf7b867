/**
 * Budget counters on disk, and up to which event they count. They are summed from the charges of events that are on
 * disk, in order, and from nothing else: a restart reads the checkpoint, adds the charges of later events, and has
 * counted each of them once.
 */
import { join } from "node:path";
import type { BudgetCharge } from "../../limits/admission.ts";
import { type Disk, replaceFile } from "../../storage/disk.ts";
import { checked, type OnUnread, readState } from "../../storage/state-file.ts";
import { createExactSums } from "./exact-sums.ts";

export interface BudgetCheckpoint {
  /** Counters cover events up to this one. */
  readonly seq: number;
  /** The same, for the file as it is on disk. */
  readonly savedSeq: number;
  /** Up to which event the file that was found counts, of whatever stream; undefined where there was none. */
  readonly foundSeq: number | undefined;
  counters(): Iterable<BudgetCharge>;
  /** Events must be added in order, and only once they are on disk. */
  add(charges: readonly BudgetCharge[], seq: number): void;
  /** Rejects where the disk fails; the file before it then stands. */
  save(): Promise<void>;
}

export interface BudgetCheckpointOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly streamId: string;
  /** False for counters of windows so long past that nothing asks for them. */
  keeps(key: string): boolean;
  readonly onUnread: OnUnread;
}

/** Reads the checkpoint. One that cannot be read is set aside; one of another stream keeps its counters, from seq 0. */
export function openBudgetCheckpoint(options: BudgetCheckpointOptions): BudgetCheckpoint {
  const path = join(options.directory, "budgets.json");
  const stored = readState(options.disk, path, parse, options.onUnread);
  const counters = createExactSums();
  for (const { key, amount } of stored?.counters ?? []) counters.addDecimal(key, amount);
  let seq = stored?.stream_id === options.streamId ? stored.seq : 0;
  let savedSeq = seq;
  let saving: Promise<void> = Promise.resolve();

  async function save(): Promise<void> {
    for (const key of counters.read().keys()) if (!options.keeps(key)) counters.remove(key);
    const covered = seq;
    const content: Content = {
      stream_id: options.streamId,
      seq: covered,
      counters: [...charges(counters.read())],
    };
    await replaceFile(options.disk, path, Buffer.from(JSON.stringify(checked(content))));
    savedSeq = covered;
  }

  return {
    foundSeq: stored?.seq,
    get seq() {
      return seq;
    },
    get savedSeq() {
      return savedSeq;
    },
    counters: () => charges(counters.read()),
    add(added, upTo) {
      for (const { key, amount } of added) counters.addDecimal(key, amount);
      seq = upTo;
    },
    save() {
      saving = saving.then(save, save);
      return saving;
    },
  };
}

interface Content {
  readonly stream_id: string;
  readonly seq: number;
  readonly counters: readonly BudgetCharge[];
}

function* charges(counters: ReadonlyMap<string, bigint>): Iterable<BudgetCharge> {
  for (const [key, amount] of counters) yield { key, amount: amount.toString() };
}

function parse(content: unknown): Content | undefined {
  return typeof content === "object" && content !== null && isContent(content) ? content : undefined;
}

function isContent(content: Partial<Content>): content is Content {
  return Number.isSafeInteger(content.seq) && Array.isArray(content.counters);
}
