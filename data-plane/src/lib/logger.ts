/** Where the data plane says what happens to it. One JSON object a line; values of secrets are never given to it. */
export interface Logger {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** Writes lines through `write`. Errors are written by name and message only: stacks go to `error` lines alone. */
export function createLogger(write: (line: string) => void, wallMs: () => number): Logger {
  const at = (level: string) => (fields: Record<string, unknown>, message: string) =>
    write(`${JSON.stringify({ level, time: wallMs(), message, ...plain(fields, level === "error") })}\n`);
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

function plain(fields: Record<string, unknown>, withStack: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error
        ? {
            name: value.name,
            message: value.message,
            ...(withStack ? { stack: value.stack } : {}),
          }
        : value,
    ]),
  );
}
