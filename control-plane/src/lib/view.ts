/** What is shown of rows: the schema of an answer is also the list of what may leave. */
import { z } from "zod";

export const unixMs = z.number().int().nonnegative();

/** Shows of a row the members that the schema names, and no others: a new column is not shown by itself. */
export function viewOf<View extends object>(schema: z.ZodObject & z.ZodType<View>): (row: View) => View {
  const names = new Set(Object.keys(schema.shape));
  return (row) => {
    const shown = Object.entries(row).filter(([name]) => names.has(name));
    // Its type has all members of the view, and others are left out.
    return Object.fromEntries(shown) as View;
  };
}

/** A document that the contract has read: what it must be is said by the contract's schema of its version. */
export const contractDocument = <T extends object>() =>
  z.custom<T>((value) => typeof value === "object" && value !== null);
