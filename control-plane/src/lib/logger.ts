import { type DestinationStream, type Logger, pino } from "pino";

export type { Logger } from "pino";

/** A structured logger. It writes to stderr, since stdout carries the lines that other processes read. */
export function createLogger(level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino(
    { level, base: { service: "control-plane" }, redact: { paths: SECRET_PATHS, censor: "[redacted]" } },
    destination,
  );
}

const SECRET_NAMES = [
  "authorization",
  "credential",
  "secret",
  "token",
  "admin_key",
  "password",
  "private_key",
  "assertion",
];
const SECRET_PATHS = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
