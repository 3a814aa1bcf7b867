import { z } from "zod";

/** Members of every list's input. The cursor is what the page before gave as `next_cursor`. */
export const pageInput = {
  cursor: z
    .string()
    .regex(/^[a-z0-9_]{1,64}$/, "must be a cursor from an earlier page")
    .optional(),
  limit: z.number().int().min(1).max(200).default(50),
};

/** The schema of a `Page`. */
export const pageSchema = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });

export interface PageRequest {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface Page<T> {
  items: T[];
  /** Null on the last page. */
  next_cursor: string | null;
}

/** Makes a page of rows read with one more than `limit`: whether it is there tells whether there is a next page. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  options: { cursor: (row: Row) => string; view: (row: Row) => T },
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(options.view),
    next_cursor: rows.length > limit && last !== undefined ? options.cursor(last) : null,
  };
}
