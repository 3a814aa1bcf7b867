/** What is shown of rows: the schema of an answer is also the list of what may leave. */
import { z } from "zod";

export const unixMs = z.number().int().nonnegative();
/** How many of something, from 0. */
export const count = z.number().int().nonnegative();

/** Shows of a row the members that the schema names, and no others: a new column is not shown by itself. */
export function viewOf<View extends object>(schema: z.ZodObject & z.ZodType<View>): (row: View) => View {
  const names = new Set(Object.keys(schema.shape));
  return (row) => {
    const shown = Object.entries(row).filter(([name]) => names.has(name));
    // Its type has all members of the view, and others are left out.
    return Object.fromEntries(shown) as View;
  };
}
