/** What whoever starts the process reads when it does not start. */
import type { Config } from "../config.ts";
import { Refusal } from "../lib/refusal.ts";

/**
 * Plain words that name the setting at fault, for what can be foreseen; the whole error with its stack otherwise. The
 * database's address is never part of it: it may hold a password.
 */
export function explainStartFailure(error: unknown, config?: Config): string {
  if (error instanceof Refusal) return error.message;
  for (const cause of causesOf(error)) {
    const plain = config && (listening(cause, config) ?? database(cause, config) ?? files(cause));
    if (plain !== undefined) return plain;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

interface SystemError extends Error {
  code?: unknown;
  syscall?: unknown;
  port?: unknown;
  path?: unknown;
  hostname?: unknown;
}

function* causesOf(error: unknown): Generator<SystemError> {
  for (let seen = error; seen instanceof Error; seen = seen.cause) {
    yield seen;
    // One attempt per address of a name.
    if (seen instanceof AggregateError) yield* seen.errors.flatMap((each) => [...causesOf(each)]);
  }
}

function listening({ code, syscall, port, hostname }: SystemError, config: Config): string | undefined {
  if (syscall === "getaddrinfo" && hostname === config.host)
    return `HEADGATE_HOST: ${config.host} is not an address of this machine.`;
  if (syscall !== "listen") return undefined;
  const name = port === config.metricsPort ? "HEADGATE_METRICS_PORT" : "HEADGATE_PORT";
  switch (code) {
    case "EADDRINUSE":
      return `${name}: port ${port} of ${config.host} is in use by another program. Set another one; 0 takes any free port.`;
    case "EACCES":
      return `${name}: this user may not listen on port ${port}.`;
    case "EADDRNOTAVAIL":
      return `HEADGATE_HOST: ${config.host} is not an address of this machine.`;
    default:
      return undefined;
  }
}

const DATABASE_FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "its host name is not known",
  EAI_AGAIN: "its host name could not be looked up",
  ETIMEDOUT: "it does not answer",
  EHOSTUNREACH: "its host cannot be reached",
  ENETUNREACH: "its network cannot be reached",
  ECONNRESET: "it ended the connection; it may want TLS (sslmode=require)",
  "28P01": "it refuses the password",
  "28000": "it refuses this user",
  "3D000": "there is no database of that name",
  "42501":
    "the user's rights do not suffice: it must own the database and have CREATEROLE, or be granted the headgate_ roles",
  "53300": "it has no connections left",
  "57P03": "it is starting up or shutting down",
};

function database({ code, message }: SystemError, { databaseUrl }: Config): string | undefined {
  if (databaseUrl === undefined) return undefined;
  const fault = typeof code === "string" ? DATABASE_FAULTS[code] : undefined;
  if (fault !== undefined) return `DATABASE_URL: cannot use the database: ${fault} (${code}).`;
  // The driver has no code for these.
  if (/timeout/i.test(message)) return "DATABASE_URL: cannot use the database: it does not answer in time.";
  if (/SSL|certificate|SASL|password must be/i.test(message))
    return `DATABASE_URL: cannot use the database: ${message}.`;
  return undefined;
}

const FILE_FAULTS: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the user's share of the disk is used up",
  ENOTDIR: "a part of the path is not a directory",
  EEXIST: "a file is in the way",
};

function files({ code, path }: SystemError): string | undefined {
  const fault = typeof code === "string" ? FILE_FAULTS[code] : undefined;
  if (fault === undefined || typeof path !== "string") return undefined;
  return `HEADGATE_DATA_DIR: cannot use ${path}: ${fault} (${code}).`;
}
