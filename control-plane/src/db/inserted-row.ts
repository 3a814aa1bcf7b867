/** The one row that an insert has returned. Throws an Error where there is none, which no request can bring about. */
export function insertedRow<T>([row]: readonly T[]): T {
  if (row === undefined) throw new Error("an insert returned no row");
  return row;
}
