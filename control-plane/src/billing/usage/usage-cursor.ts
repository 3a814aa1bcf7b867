/** Where the next page of a usage report begins: opaque to whoever holds it, and checked when it comes back. */
import { z } from "zod";
import { invalid } from "../../lib/fault.ts";
import type { Place, SumRequest } from "./repository.ts";

export type UsageCursor =
  | { readonly kind: "after"; readonly place: Place }
  | { readonly kind: "from"; readonly bucket: number };

const content = z.tuple([z.int().nonnegative()], z.string().max(500));

export function usageCursorText(cursor: UsageCursor): string {
  const parts = cursor.kind === "from" ? [cursor.bucket] : [cursor.place.bucket, ...cursor.place.group];
  return Buffer.from(JSON.stringify(parts), "utf8").toString("base64url");
}

/** Faults: `api.invalid_input` for one that no page of this query has given. */
export function usageCursor(text: string, { period, bucketMs, groupBy }: SumRequest): UsageCursor {
  const parsed = content.safeParse(parts(text));
  if (!parsed.success) throw refused();
  const [bucket, ...group] = parsed.data;
  const ofPeriod =
    bucketMs === null ? bucket === 0 : bucket + bucketMs > period.fromMs && bucket < period.toMs;
  const ofQuery = group.length === groupBy.length || (group.length === 0 && bucketMs !== null);
  if (!ofPeriod || !ofQuery) throw refused();
  return group.length === 0 ? { kind: "from", bucket } : { kind: "after", place: { bucket, group } };
}

function parts(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

function refused() {
  return invalid("cursor", "It is from no page of this query.");
}
