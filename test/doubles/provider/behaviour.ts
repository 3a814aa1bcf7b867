/**
 * What can be asked of the simulated provider, per call. *Events* are those of a stream, counted from 0; an answer
 * that is not a stream counts as one event.
 */
export interface Behaviour {
  /** Answers with this error status, in the dialect's own error form. */
  readonly status?: number;
  /** The error comes as a web page, as load balancers send them. */
  readonly html?: boolean;
  /** The value of a Retry-After header beside the error. */
  readonly retryAfter?: string;
  /** How many tokens of text it would write if it were let; 16 unless told. */
  readonly outputTokens?: number;
  /** Milliseconds before the first byte. For demonstrations; tests hold and release. */
  readonly firstByteMs?: number;
  /** Milliseconds before each event after the first. */
  readonly eventMs?: number;
  /** Stops before this event until the call is released; 0 is before the status line. */
  readonly holdBefore?: number;
  /** Resets the connection after this many events; 0 is before the status line. */
  readonly resetAfter?: number;
  /** Ends the stream cleanly after this many events, as if that were all. */
  readonly endAfter?: number;
  /** After this many events, the dialect's own error event, then the end. */
  readonly errorAfter?: number;
  /** The event with this number carries data that is not JSON. */
  readonly malformedAt?: number;
  /** Announces the whole body, sends half of it, and resets the connection. */
  readonly halfBody?: boolean;
  /** Cuts the stream into pieces of this many bytes, through characters and lines. */
  readonly splitBytes?: number;
  readonly lineEnding?: "\n" | "\r\n" | "\r";
  /** Puts a comment line before each event. */
  readonly comments?: boolean;
  /** Leaves out the blank line that ends the last event. */
  readonly noFinalBlankLine?: boolean;
  /** Leaves the usage out of the answer. */
  readonly noUsage?: boolean;
}

const FLAGS: Readonly<Record<string, Behaviour>> = {
  html: { html: true },
  hang: { holdBefore: 0 },
  half: { halfBody: true },
  crlf: { lineEnding: "\r\n" },
  comments: { comments: true },
  "no-blank-line": { noFinalBlankLine: true },
  "no-usage": { noUsage: true },
};

const NUMBERS: Readonly<Record<string, (value: number) => Behaviour>> = {
  status: (status) => ({ status }),
  "retry-after": (seconds) => ({ retryAfter: String(seconds) }),
  tokens: (outputTokens) => ({ outputTokens }),
  "first-byte": (firstByteMs) => ({ firstByteMs }),
  event: (eventMs) => ({ eventMs }),
  reset: (resetAfter) => ({ resetAfter }),
  end: (endAfter) => ({ endAfter }),
  error: (errorAfter) => ({ errorAfter }),
  malformed: (malformedAt) => ({ malformedAt }),
  split: (splitBytes) => ({ splitBytes }),
};

/**
 * Reads the behaviour that a model's name asks for: `sim-small@status-500@retry-after-2`. Where tests script calls in
 * a queue, the demo, which talks to the provider from another process, says it in the name. A name that ends in `-long`
 * writes 2,000 tokens where it is let.
 */
export function behaviourOfModel(model: string): Behaviour {
  const [base = "", ...words] = model.split("@");
  let behaviour: Behaviour = base.endsWith("-long") ? { outputTokens: 2_000 } : {};
  for (const word of words) {
    const [, name = "", digits = ""] = /^([a-z-]+?)(?:-(\d+))?$/.exec(word) ?? [];
    const found = digits === "" ? FLAGS[name] : NUMBERS[name]?.(Number(digits));
    if (found === undefined) throw new RangeError(`the simulated provider knows no behaviour "${word}"`);
    behaviour = { ...behaviour, ...found };
  }
  return behaviour;
}
