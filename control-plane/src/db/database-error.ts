import type { ErrorCode } from "@headgate/sdk/contract";
import { Fault } from "../lib/fault.ts";

/**
 * Turns what a driver throws into a fault that is safe to show. Drizzle's own message holds the SQL and its
 * parameters, secrets among them, so neither it nor the driver's text gets further than here.
 * Anything that is not a database error is returned as it is.
 */
export function faultFromDatabase(error: unknown): unknown {
  const driver = driverError(error);
  if (driver === undefined) return error;
  const constraint = typeof driver.constraint === "string" ? driver.constraint : undefined;
  const code = codeOf(driver.code);
  return new Fault(code, {
    cause: new Error(`SQLSTATE ${driver.code}${constraint === undefined ? "" : ` on ${constraint}`}`),
    ...(constraint === undefined ? {} : { constraint }),
  });
}

/** True when the same transaction may succeed if it is run again: serialisation failure or deadlock. */
export function isTransient(error: unknown): boolean {
  const code = driverError(error)?.code;
  return code === "40001" || code === "40P01";
}

/** By SQLSTATE, and by what the system says of a connection. */
const STATES = {
  "api.conflict": "23505 23P01 23503",
  "api.invalid_input": "23514 22003 22021 22P02 22P05",
  "api.unavailable":
    "08000 08001 08003 08006 25P03 40001 40P01 55P03 57014 57P01 57P02 57P03 53300 " +
    "EAI_AGAIN ECONNREFUSED ECONNRESET EHOSTUNREACH EPIPE ETIMEDOUT",
} as const satisfies Partial<Record<ErrorCode, string>>;

/** What the driver says without a code when a connection is not to be had, or breaks. */
const CONNECTION_FAILED =
  /^(timeout exceeded when trying to connect|timeout expired|Connection terminated|Query read timeout|Client has encountered a connection error)/;
/** https://www.postgresql.org/docs/current/errcodes-appendix.html: connection_failure. */
const CONNECTION_FAILURE = "08006";

function codeOf(state: string): ErrorCode {
  for (const code of ["api.conflict", "api.invalid_input", "api.unavailable"] as const)
    if (STATES[code].split(" ").includes(state)) return code;
  return "api.internal";
}

interface DriverError {
  code: string;
  constraint?: unknown;
}

function driverError(error: unknown): DriverError | undefined {
  for (
    let seen: unknown = error, depth = 0;
    seen instanceof Error && depth < 5;
    seen = seen.cause, depth += 1
  ) {
    if (seen instanceof Fault) return undefined;
    if ("code" in seen && typeof seen.code === "string" && /^([0-9A-Z]{5}|E[A-Z_]+)$/.test(seen.code)) {
      return seen as Error & DriverError;
    }
    if (CONNECTION_FAILED.test(seen.message)) return { code: CONNECTION_FAILURE };
  }
  return isQueryError(error) ? { code: "unknown" } : undefined;
}

function isQueryError(error: unknown): boolean {
  return error instanceof Error && ("query" in error || error.message.startsWith("Failed query"));
}
