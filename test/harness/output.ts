/** What a data plane prints, line by line: lifecycle events and the record of each call. */
export type Line = Readonly<Record<string, unknown>>;

/** The audit record of a call, as far as tests look at it. */
export interface CallRecord extends Line {
  readonly event: "call";
  readonly request_id: string;
  readonly decision_id: string;
  readonly decision: "allow" | "deny";
  readonly outcome: string;
  readonly status?: number;
  readonly attempts?: readonly Readonly<Record<string, unknown>>[];
}

export interface Output {
  out(text: string): void;
  log(text: string): void;
  /** All that was printed, on both channels. */
  text(): string;
  /** The records of all calls that are over. */
  records(): readonly CallRecord[];
  /** The first line of this event that fits, past or future. */
  event(name: string, fits?: (line: Line) => boolean): Promise<Line>;
  /** The record of a call, past or future, by any of its members. */
  record(members: Line): Promise<CallRecord>;
}

export function createOutput(): Output {
  const lines: Line[] = [];
  const waiting = new Set<(line: Line) => void>();
  let printed = "";

  const event = (name: string, fits: (line: Line) => boolean = () => true): Promise<Line> => {
    const isIt = (line: Line) => line["event"] === name && fits(line);
    const known = lines.find(isIt);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const listener = (line: Line) => {
        if (!isIt(line)) return;
        waiting.delete(listener);
        resolve(line);
      };
      waiting.add(listener);
    });
  };

  return {
    out(text) {
      printed += text;
      for (const json of text.split("\n").filter((line) => line !== "")) {
        const line = JSON.parse(json) as Line;
        lines.push(line);
        for (const listener of waiting) listener(line);
      }
    },
    log(text) {
      printed += text;
    },
    text: () => printed,
    records: () => lines.filter((line): line is CallRecord => line["event"] === "call"),
    event,
    record: async (members) =>
      (await event("call", (line) =>
        Object.entries(members).every(([name, value]) => line[name] === value),
      )) as CallRecord,
  };
}
