/**
 * The bytes of the spool. A record is: u32 length of the payload, u32 CRC-32 of the payload, payload; little-endian.
 * A payload is one byte of kind, and then
 * - header: JSON;
 * - open: u8 length of the attempt's id, the id, the attempt as JSON: what earlier programs wrote;
 * - held: u8 length of the attempt's id, the id, u32 length of the attempt, the attempt as JSON, its hold as JSON;
 * - settle: u8 length of the attempt's id, the id, f64 seq, u32 length of the event, the event as JSON; where an event has
 *   no words for charges, these as JSON.
 * What is needed to match and to count stands before the JSON, so that a recovery need not parse every event.
 */
import { crc32 } from "node:zlib";
import type { UsageQuantities } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";

const RECORD_KINDS = { header: 0, open: 1, settle: 2, held: 3 } as const;
export type RecordKind = keyof typeof RECORD_KINDS;

const FRAME_BYTES = 8;
/** Far above any record we write; a length beyond it is damage. */
const PAYLOAD_BYTES_MAX = 1024 * 1024;
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** The first record of each segment; it ties the segment to the one before it. */
export interface SegmentHeader {
  /** Of the contract: the form that attempts and events have in this segment. Headers of version 1 state none. */
  readonly version: number;
  /** How the file was called when it was made: a copy under another name is none of the stream. Older ones lack it. */
  readonly name?: string;
  readonly stream_id: string;
  readonly writer_epoch: number;
  readonly first_seq: number;
  /** Sum of every dimension before this segment, as decimal strings. */
  readonly totals: Readonly<Record<string, string>>;
  readonly previous: {
    readonly name: string;
    /** What stands beyond this in the previous segment was never part of the stream. */
    readonly bytes: number;
    /** Up to here the previous segment was on disk when this one began; after it there are open records only. */
    readonly durable_bytes: number;
  } | null;
}

/** Records encoded back to back in memory that is used again and again. */
export interface RecordBuffer {
  bytes: Buffer;
  length: number;
}

export function createRecordBuffer(capacity = 16 * 1024): RecordBuffer {
  return { bytes: Buffer.allocUnsafeSlow(capacity), length: 0 };
}

export function appendHeader(buffer: RecordBuffer, header: SegmentHeader): void {
  const json = JSON.stringify(header);
  const start = reserve(buffer, 1 + json.length * UTF8_BYTES_PER_UNIT_MAX);
  let at = buffer.bytes.writeUInt8(RECORD_KINDS.header, start);
  at += buffer.bytes.write(json, at, "utf8");
  seal(buffer, start, at);
}

/** What is recorded of an attempt when it is opened: its JSON is that of an `AttemptOpened` and of its hold. */
export interface OpenRecord {
  readonly attemptId: string;
  readonly json: string;
  readonly holdJson: string;
}

export function appendOpen(buffer: RecordBuffer, { attemptId, json, holdJson }: OpenRecord): void {
  const start = reserve(
    buffer,
    6 + attemptId.length + (json.length + holdJson.length) * UTF8_BYTES_PER_UNIT_MAX,
  );
  const at = writeId(buffer.bytes, start, RECORD_KINDS.held, attemptId);
  const length = buffer.bytes.write(json, at + 4, "utf8");
  buffer.bytes.writeUInt32LE(length, at);
  const end = at + 4 + length;
  seal(buffer, start, end + buffer.bytes.write(holdJson, end, "utf8"));
}

/** What is recorded of it when it is settled: its JSON is that of a `UsageEvent`. */
export interface SettleRecord {
  readonly attemptId: string;
  readonly seq: number;
  readonly json: string;
  readonly charges: readonly BudgetCharge[];
}

/** Answers where the event's JSON stands in the buffer. */
export function appendSettle(
  buffer: RecordBuffer,
  record: SettleRecord,
): { readonly from: number; readonly to: number } {
  const { attemptId, json } = record;
  const chargesJson = record.charges.length === 0 ? "" : JSON.stringify(record.charges);
  const start = reserve(
    buffer,
    14 + attemptId.length + (json.length + chargesJson.length) * UTF8_BYTES_PER_UNIT_MAX,
  );
  let at = writeId(buffer.bytes, start, RECORD_KINDS.settle, attemptId);
  at = buffer.bytes.writeDoubleLE(record.seq, at);
  const from = at + 4;
  const to = from + buffer.bytes.write(json, from, "utf8");
  buffer.bytes.writeUInt32LE(to - from, at);
  const end = chargesJson === "" ? to : to + buffer.bytes.write(chargesJson, to, "utf8");
  seal(buffer, start, end);
  return { from, to };
}

/** Appends records as they were encoded before. */
export function appendRecords(buffer: RecordBuffer, records: RecordBuffer): void {
  const at = reserve(buffer, records.length) - FRAME_BYTES;
  buffer.length = at + records.bytes.copy(buffer.bytes, at, 0, records.length);
}

/** One record found by `nextRecord`: where its payload stands. */
export interface RecordView {
  readonly kind: RecordKind;
  readonly start: number;
  readonly end: number;
}

/** The record at `offset` of `bytes[0, to)`, or undefined where no whole and intact record stands there. */
export function nextRecord(bytes: Buffer, offset: number, to: number): RecordView | undefined {
  if (offset + FRAME_BYTES > to) return undefined;
  const length = bytes.readUInt32LE(offset);
  const start = offset + FRAME_BYTES;
  const end = start + length;
  // An empty payload has CRC 0: a hole of zeros, left by a lost write, must not look like a record.
  if (length === 0 || length > PAYLOAD_BYTES_MAX || end > to) return undefined;
  if (crc32(bytes.subarray(start, end)) !== bytes.readUInt32LE(offset + 4)) return undefined;
  const kind = KINDS[bytes.readUInt8(start)];
  return kind === undefined ? undefined : { kind, start, end };
}

/** True where a whole record stands anywhere in `bytes[from, to)`: what ends in front of it is no torn end. */
export function holdsRecord(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at + FRAME_BYTES < to; at += 1)
    if (nextRecord(bytes, at, to) !== undefined) return true;
  return false;
}

/** How many bytes a record that begins at `offset` claims to need, frame included; undefined when even that is cut off. */
export function claimedBytes(bytes: Buffer, offset: number, to: number): number | undefined {
  return offset + FRAME_BYTES > to ? undefined : FRAME_BYTES + bytes.readUInt32LE(offset);
}

export function readHeader(bytes: Buffer, record: RecordView): SegmentHeader {
  return { version: 1, ...JSON.parse(bytes.toString("utf8", record.start + 1, record.end)) };
}

/** The attempt's id of an open or a settle. */
export function readAttemptId(bytes: Buffer, record: RecordView): string {
  return bytes.toString("latin1", record.start + 2, idEnd(bytes, record));
}

/** The attempt of an open, in the form of its segment, and its hold where it has one. */
export function readOpened(bytes: Buffer, record: RecordView): { attemptJson: string; holdJson: string } {
  const at = idEnd(bytes, record);
  if (record.kind === "open") return { attemptJson: bytes.toString("utf8", at, record.end), holdJson: "" };
  const from = at + 4;
  const to = from + bytes.readUInt32LE(at);
  return { attemptJson: bytes.toString("utf8", from, to), holdJson: bytes.toString("utf8", to, record.end) };
}

export function readSeq(bytes: Buffer, record: RecordView): number {
  return bytes.readDoubleLE(idEnd(bytes, record));
}

/** The event's bytes, as they were written and as they are shipped. */
export function readEventBytes(bytes: Buffer, record: RecordView): Buffer {
  const at = idEnd(bytes, record) + 8;
  return bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at));
}

/**
 * Two members of an event without parsing the rest. Neither text can occur elsewhere in an event: inside strings
 * quotes are escaped, and no other member is an object of that name.
 */
export function readUsage(event: Buffer): UsageQuantities {
  const from = event.indexOf('"usage":{') + '"usage":'.length;
  return JSON.parse(event.toString("latin1", from, event.indexOf("}", from) + 1));
}

export function readStartedAt(event: Buffer): number {
  const from = event.indexOf('"started_at":') + '"started_at":'.length;
  return Number.parseInt(event.toString("latin1", from, from + 16), 10);
}

export function readCharges(bytes: Buffer, record: RecordView): readonly BudgetCharge[] {
  const at = idEnd(bytes, record) + 8;
  const from = at + 4 + bytes.readUInt32LE(at);
  if (from !== record.end) return JSON.parse(bytes.toString("utf8", from, record.end));
  const event = bytes.subarray(at + 4, from);
  const inEvent = event.lastIndexOf(CHARGES);
  return inEvent === -1
    ? []
    : JSON.parse(event.toString("utf8", inEvent + CHARGES.length - 1, event.length - 1));
}

/** Inside strings quotes are escaped, and no other member of this name is a list. */
const CHARGES = ',"charges":[';

const KINDS: readonly RecordKind[] = ["header", "open", "settle", "held"];

function idEnd(bytes: Buffer, record: RecordView): number {
  return record.start + 2 + bytes.readUInt8(record.start + 1);
}

function writeId(bytes: Buffer, start: number, kind: number, id: string): number {
  const at = bytes.writeUInt8(id.length, bytes.writeUInt8(kind, start));
  return at + bytes.write(id, at, "latin1");
}

/** Makes room for a frame and `payloadBytes`; answers where the payload begins. */
function reserve(buffer: RecordBuffer, payloadBytes: number): number {
  const needed = buffer.length + FRAME_BYTES + payloadBytes;
  if (needed > buffer.bytes.length) {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, buffer.bytes.length * 2));
    buffer.bytes.copy(larger, 0, 0, buffer.length);
    buffer.bytes = larger;
  }
  return buffer.length + FRAME_BYTES;
}

function seal(buffer: RecordBuffer, start: number, end: number): void {
  buffer.bytes.writeUInt32LE(end - start, buffer.length);
  buffer.bytes.writeUInt32LE(crc32(buffer.bytes.subarray(start, end)), buffer.length + 4);
  buffer.length = end;
}
