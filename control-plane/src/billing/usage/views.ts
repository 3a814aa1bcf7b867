import { integerString } from "@headgate/sdk/contract";
import { z } from "zod";
import { COLUMN_OF_GROUP, type GroupName } from "../../db/schema/usage-columns.ts";
import { MINUTE_MS } from "../../ledger/minutes/roll-up.ts";
import { count, unixMs } from "../../lib/view.ts";

export const groupName = z.enum(Object.keys(COLUMN_OF_GROUP) as [GroupName, ...GroupName[]]);

/** Unix milliseconds; usage is kept, and priced, by the minute. */
export const wholeMinute = z.number().int().nonnegative().max(8.64e15).multipleOf(MINUTE_MS);

const quantities = z.record(z.string(), integerString);

export const usageRow = z.strictObject({
  /** The bucket's first moment; null where time was not asked for. */
  bucket: unixMs.nullable(),
  group: z.partialRecord(groupName, z.string()),
  calls: count,
  attempts: count,
  unsettled: count,
  estimated: count,
  quantities,
  /** Exact; null where any of the usage has no price. */
  amount_usd: z.string().nullable(),
  unrated: quantities,
});
export type UsageRow = z.infer<typeof usageRow>;
