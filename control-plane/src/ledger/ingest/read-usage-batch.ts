/**
 * A batch as it comes from the wire, checked for all that can be known without the stream it belongs to: size while it
 * is inflated, form, schema, hash, count and unbroken sequence. What passes is either applied whole or not at all.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
  CONTRACT,
  CONTRACT_VERSION,
  type Contract,
  isStorableText,
  type Reading,
  USAGE_BATCH_BYTES_MAX,
  type UsageBatchHeader,
  type UsageEvent,
} from "@headgate/sdk/contract";

export interface UsageBatch {
  readonly header: UsageBatchHeader;
  readonly events: readonly UsageEvent[];
  /** Gzip, as received. */
  readonly packed: Uint8Array;
}

export type BatchReading =
  | { readonly ok: true; readonly batch: UsageBatch }
  | { readonly ok: false; readonly reason: string };

/** The events may take `USAGE_BATCH_BYTES_MAX`, the header line the rest. */
const INFLATED_BYTES_MAX = USAGE_BATCH_BYTES_MAX + 64 * 1024;
const REASON_CHARS_MAX = 300;
const LINE_FEED = 0x0a;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const inflate = promisify(gunzip);

export async function readUsageBatch(
  packed: Uint8Array,
  contract: Contract = CONTRACT,
): Promise<BatchReading> {
  try {
    return { ok: true, batch: await parse(packed, contract) };
  } catch (error) {
    if (!(error instanceof InvalidBatch)) throw error;
    return { ok: false, reason: error.message.slice(0, REASON_CHARS_MAX) };
  }
}

/** A line of a batch that was taken in. */
export interface StoredLine {
  /** With its line feed. */
  readonly bytes: Uint8Array;
  /** What it says. It was checked when it was taken in, and is never changed; an older form of it is lifted. */
  event(): UsageEvent;
}

/** The event lines of a batch that was taken in, of whatever version, in the order of their seq. */
export async function openBatch(packed: Uint8Array, contract: Contract = CONTRACT): Promise<StoredLine[]> {
  const [headerLine = new Uint8Array(), ...lines] = splitLines(await inflated(packed));
  const { version } = parseLine(headerLine, "header", contract.usageBatch.read);
  return lines.map((bytes) => ({
    bytes,
    event: () =>
      version === CONTRACT_VERSION
        ? (jsonOf(bytes) as UsageEvent)
        : parseLine(bytes, "event", (value) => contract.usageEvent.read(value, version)).value,
  }));
}

/**
 * What a line says. The one decoder of lines, when a batch is taken in and ever after, so that whatever is acknowledged
 * can be read again. A byte order mark is refused like any other text that is not JSON.
 * Throws on what is not JSON in UTF-8.
 */
function jsonOf(line: Uint8Array): unknown {
  return JSON.parse(UTF8.decode(line));
}

/** SHA-256 in hex. */
export function sha256Of(parts: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

class InvalidBatch extends Error {}

async function parse(packed: Uint8Array, contract: Contract): Promise<UsageBatch> {
  const [headerLine, ...lines] = splitLines(await inflated(packed));
  if (headerLine === undefined) throw new InvalidBatch("the body is empty");
  const { value: header, version } = parseLine(headerLine, "header", contract.usageBatch.read);
  if (sha256Of(lines) !== header.sha256) throw new InvalidBatch("sha256 does not fit the event lines");
  if (lines.length !== header.count || header.last_seq !== header.first_seq + header.count - 1)
    throw new InvalidBatch("count, first_seq and last_seq do not fit the event lines");
  const readEvent = (value: unknown) => contract.usageEvent.read(value, version);
  const events = lines.map((line, index) => {
    // Whoever looks for it in the spool knows it by its number.
    const name = `event ${index + 1} (seq ${header.first_seq + index})`;
    const event = parseLine(line, name, readEvent).value;
    if (event.seq !== header.first_seq + index) throw new InvalidBatch(`${name}: seq does not follow`);
    if (!isStorable(event)) throw new InvalidBatch(`${name}: text that cannot be stored`);
    return event;
  });
  if (!Object.keys(header.totals).every(isStorableText))
    throw new InvalidBatch("totals: text that cannot be stored");
  return { header, events, packed };
}

async function inflated(packed: Uint8Array): Promise<Uint8Array> {
  try {
    return await inflate(packed, { maxOutputLength: INFLATED_BYTES_MAX });
  } catch (error) {
    const tooLarge = error instanceof RangeError;
    throw new InvalidBatch(
      tooLarge ? "the inflated body is larger than allowed" : "the body is not gzip or breaks off",
    );
  }
}

function splitLines(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end === -1) throw new InvalidBatch("the last line has no line feed");
    lines.push(bytes.subarray(start, end + 1));
    start = end + 1;
  }
  return lines;
}

function parseLine<T>(line: Uint8Array, name: string, read: (value: unknown) => Reading<T>) {
  let value: unknown;
  try {
    value = jsonOf(line);
  } catch {
    throw new InvalidBatch(`${name}: not JSON in UTF-8`);
  }
  const reading = read(value);
  if (reading.ok) return reading;
  const [issue] = reading.issues;
  throw new InvalidBatch(`${name}: ${issue?.path ?? ""}: ${issue?.message ?? "invalid"}`);
}

function isStorable({ labels, subject: { vendor, model, upstream_model } }: UsageEvent): boolean {
  return [vendor, model, upstream_model, ...Object.values(labels)].every(
    (text) => text === undefined || isStorableText(text),
  );
}
