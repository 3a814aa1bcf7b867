/** A spool with small segments, and what it told its owner while it was opened. */
import { CONTRACT } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import { openSpool, type Spool, type SpoolOptions } from "../spool/spool.ts";
import { newStreamId } from "./attempts.ts";
import { faultyDisk } from "./faulty-disk.ts";

export interface TestSpool {
  readonly spool: Spool;
  /** Budget counters as they were restored, with what was spent under earlier streams. */
  readonly restored: ReadonlyMap<string, bigint>;
  readonly faults: readonly unknown[];
}

export async function openTestSpool(
  directory: string,
  overrides: Partial<SpoolOptions> = {},
): Promise<TestSpool> {
  const restored = new Map<string, bigint>();
  const faults: unknown[] = [];
  const add = ({ key, amount }: BudgetCharge) =>
    void restored.set(key, (restored.get(key) ?? 0n) + BigInt(amount));
  const elsewhere: BudgetCharge[] = [];
  const learn = (charge: BudgetCharge): void => {
    elsewhere.push(charge);
    add(charge);
  };
  const spool = await openSpool({
    directory,
    contract: CONTRACT,
    // Nothing here cuts the power, and a slow disk would make every sync of a property's many runs be waited for.
    disk: faultyDisk(),
    bytesMax: 64 * 1024 * 1024,
    segmentBytes: 2_000,
    newStreamId,
    restore: add,
    others: { learn, elsewhere: () => elsewhere, beginStream: () => undefined },
    keepsCounter: () => true,
    onFault: (error) => faults.push(error),
    ...overrides,
  });
  return { spool, restored, faults };
}
