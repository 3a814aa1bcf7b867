import { Fault } from "./fault.ts";

/** The row, or `api.not_found`: the same whether there is none or it is another tenant's. */
export function requireFound<T>(row: T | undefined): T {
  if (row === undefined) throw new Fault("api.not_found");
  return row;
}
