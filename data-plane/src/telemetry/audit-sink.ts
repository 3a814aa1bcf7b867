/**
 * Where the record of each call is written: one JSON object a line. Lines of one turn of the event loop are handed to
 * the operating system together, so that a call costs no write of its own.
 */
export interface AuditSink {
  write(line: string): void;
  /** Hands over what is waiting. */
  flush(): void;
}

/** `out` takes text ready to be written, whole lines at a time. */
export function createAuditSink(out: (lines: string) => void): AuditSink {
  let waiting = "";
  const flush = () => {
    if (waiting === "") return;
    const lines = waiting;
    waiting = "";
    out(lines);
  };
  return {
    write(line) {
      if (waiting === "") setImmediate(flush);
      waiting += `${line}\n`;
    },
    flush,
  };
}
