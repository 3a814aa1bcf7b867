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
  /** What was spent under other streams, as the file says. */
  elsewhere(): Iterable<BudgetCharge>;
  /** Counts what it has counted up to now as spent under another stream. */
  beginStream(): void;
  /** Events must be added in order, and only once they are on disk. */
  add(charges: readonly BudgetCharge[], seq: number): void;
  /**
   * `known`: what was spent under other streams, where more is known by now than the file says. Rejects where the disk
   * fails; the file before it then stands.
   */
  save(known?: () => Iterable<BudgetCharge>): Promise<void>;
}

export interface BudgetCheckpointOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly streamId: string;
  /** False for counters of windows so long past that nothing asks for them. */
  keeps(key: string): boolean;
  readonly onUnread: OnUnread;
}

/**
 * Reads the checkpoint. One that cannot be read is set aside; what one of another stream counts was spent elsewhere.
 */
export function openBudgetCheckpoint(options: BudgetCheckpointOptions): BudgetCheckpoint {
  const path = join(options.directory, "budgets.json");
  const stored = readState(options.disk, path, parse, options.onUnread);
  const counters = createExactSums();
  const elsewhere = createExactSums();
  const isOwn = stored?.stream_id === options.streamId;
  for (const { key, amount } of stored?.counters ?? [])
    (isOwn ? counters : elsewhere).addDecimal(key, amount);
  for (const { key, amount } of stored?.elsewhere ?? []) elsewhere.addDecimal(key, amount);
  let seq = isOwn ? (stored?.seq ?? 0) : 0;
  let savedSeq = seq;
  let saving: Promise<void> = Promise.resolve();

  async function save(known: () => Iterable<BudgetCharge>): Promise<void> {
    for (const key of counters.read().keys()) if (!options.keeps(key)) counters.remove(key);
    const covered = seq;
    const content: Content = {
      stream_id: options.streamId,
      seq: covered,
      counters: [...charges(counters.read())],
      elsewhere: [...known()].filter(({ key }) => options.keeps(key)),
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
    elsewhere: () => charges(elsewhere.read()),
    beginStream() {
      for (const [key, amount] of [...counters.read()]) {
        elsewhere.addDecimal(key, amount.toString());
        counters.remove(key);
      }
    },
    add(added, upTo) {
      for (const { key, amount } of added) counters.addDecimal(key, amount);
      seq = upTo;
    },
    save(known = () => charges(elsewhere.read())) {
      const next = () => save(known);
      saving = saving.then(next, next);
      return saving;
    },
  };
}

interface Content {
  readonly stream_id: string;
  readonly seq: number;
  readonly counters: readonly BudgetCharge[];
  /** Absent in what an earlier program has written. */
  readonly elsewhere?: readonly BudgetCharge[];
}

function* charges(counters: ReadonlyMap<string, bigint>): Iterable<BudgetCharge> {
  for (const [key, amount] of counters) yield { key, amount: amount.toString() };
}

function parse(content: unknown): Content | undefined {
  return typeof content === "object" && content !== null && isContent(content) ? content : undefined;
}

function isContent(content: Partial<Content>): content is Content {
  return (
    Number.isSafeInteger(content.seq) &&
    Array.isArray(content.counters) &&
    (content.elsewhere === undefined || Array.isArray(content.elsewhere))
  );
}
