import { pino } from "pino";

/** Where the data plane says what happens to it. An error goes under `err`. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Writes one JSON object a line, in the form that the control plane's log has too; secrets are taken out by name. */
export function createLogger(write: (line: string) => void, wallMs: () => number): Logger {
  return pino(
    {
      base: { service: "data-plane" },
      timestamp: () => `,"time":${wallMs()}`,
      serializers: { err: plainError },
      redact: { paths: SECRET_PATHS, censor: "[redacted]" },
    },
    { write },
  );
}

/** What else an error carries may be anybody's. */
function plainError(err: unknown): object {
  if (!(err instanceof Error)) return { type: typeof err, message: String(err) };
  return { type: err.name, message: err.message, stack: err.stack };
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
