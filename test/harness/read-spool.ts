/**
 * Reads a usage spool as a stranger would, by its documented bytes alone: records of length, CRC-32 and payload. What
 * stands behind the first record that is not whole is not believed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { UsageEvent } from "@headgate/sdk/contract";

const SETTLE = 2;

/** Settled attempts in the order of their records. */
export function readSpool(directory: string): UsageEvent[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".segment"))
    .toSorted()
    .flatMap((name) => [...payloads(readFileSync(join(directory, name)))])
    .filter((payload) => payload[0] === SETTLE)
    .map(eventOf);
}

function* payloads(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const payload = bytes.subarray(at + 8, at + 8 + length);
    if (length === 0 || payload.length < length || crc32(payload) !== bytes.readUInt32LE(at + 4)) return;
    yield payload;
    at += 8 + length;
  }
}

/** After kind, length of id, id and f64 seq: u32 length of the event, and the event as JSON. */
function eventOf(payload: Buffer): UsageEvent {
  const length = 2 + payload.readUInt8(1) + 8;
  const start = length + 4;
  return JSON.parse(payload.toString("utf8", start, start + payload.readUInt32LE(length))) as UsageEvent;
}
