/** Faults of what is tried again for ever, told without filling the log. */
import type { Logger } from "../lib/logger.ts";

/** Logs the first fault of a streak and the end of the streak, so that an outage is two lines and not thousands. */
export function createOutageLog(logger: Logger, what: string): { failed(cause: unknown): void; ok(): void } {
  let failures = 0;
  return {
    failed(cause) {
      failures += 1;
      if (failures === 1) logger.warn(faultFields(cause), `${what} failed; it is tried again`);
    },
    ok() {
      if (failures > 0) logger.info({ failures }, `${what} works again`);
      failures = 0;
    },
  };
}

/** What may be logged of a fault: its code or name and its message. */
export function faultFields(cause: unknown): { error: string; detail: string } {
  if (!(cause instanceof Error)) return { error: "unknown", detail: String(cause) };
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : cause.name;
  return { error: code, detail: cause.message };
}
