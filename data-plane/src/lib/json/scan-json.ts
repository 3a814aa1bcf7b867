/**
 * A strict reader of JSON objects (RFC 8259) that builds nothing: it checks the whole text and says where the members
 * of the outermost object stand, so that a body can be acted on and forwarded byte for byte. It refuses what two
 * parsers may read differently: a member named twice, prototype members, lone surrogates, numbers beyond a double,
 * depth above 128. One pass, no recursion deeper than that, time linear in the length.
 * One file, long as it is, because all its readers move the same cursor.
 */
import { isUtf8 } from "node:buffer";

export type JsonFault =
  | "request.invalid_json"
  | "request.duplicate_key"
  | "request.forbidden_key"
  | "request.too_deep"
  | "request.invalid_number"
  | "request.invalid_unicode";

/** Where a member's value stands: `bytes.subarray(start, end)` is its JSON text. */
export interface JsonMember {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

export interface ScannedJson {
  readonly ok: true;
  /** Just behind the opening brace. */
  readonly inside: number;
  readonly members: readonly JsonMember[];
}

export type JsonScan = ScannedJson | { readonly ok: false; readonly fault: JsonFault };

export const JSON_DEPTH_MAX = 128;

/** Reads `text`, which must hold one JSON object and, beside it, white space only. A leading BOM is not JSON here. */
export function scanJsonObject(text: Uint8Array): JsonScan {
  if (!isUtf8(text)) return { ok: false, fault: "request.invalid_unicode" };
  bytes = text;
  position = 0;
  fault = undefined;
  members = [];
  keyCount = 0;
  skipSpace();
  const inside = position + 1;
  const complete = bytes[position] === BRACE_OPEN && readObject(1, false) && atEnd();
  const found = members;
  bytes = NOTHING;
  members = [];
  if (complete) return { ok: true, inside, members: found };
  return { ok: false, fault: fault ?? "request.invalid_json" };
}

/** The value of a member as a JavaScript value. The text was checked by the scan, so this does not throw. */
export function memberValue(text: Buffer, member: JsonMember): unknown {
  return JSON.parse(text.toString("utf8", member.start, member.end));
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const KEY_FIELDS = 3;
/** Objects with more members than this are checked for duplicates with a set. */
const LINEAR_KEYS_MAX = 32;
const NOTHING = new Uint8Array(0);

// The state of the one scan that is running: a scan never yields.
let bytes: Uint8Array = NOTHING;
let position = 0;
let fault: JsonFault | undefined;
let members: JsonMember[] = [];
/** Hash, start and end of each key of the objects that are open, innermost last. */
let keyStack = new Int32Array(KEY_FIELDS * 256);
let keyCount = 0;
let keyStart = 0;
let keyEnd = 0;
let keyHash = 0;
let keyEscaped = false;
let stringEscaped = false;

function fail(reason: JsonFault): false {
  fault ??= reason;
  return false;
}

function skipSpace(): void {
  const text = bytes;
  let at = position;
  let byte = text[at];
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
    at += 1;
    byte = text[at];
  }
  position = at;
}

function atEnd(): boolean {
  skipSpace();
  return position === bytes.length;
}

function readValue(depth: number, underConstructor: boolean): boolean {
  switch (bytes[position]) {
    case QUOTE:
      return readString();
    case BRACE_OPEN:
      return readObject(depth + 1, underConstructor);
    case BRACKET_OPEN:
      return readArray(depth + 1);
    case 0x74:
      return readWord(0x72, 0x75, 0x65);
    case 0x6e:
      return readWord(0x75, 0x6c, 0x6c);
    case 0x66:
      return bytes[position + 4] === 0x65 && readWord(0x61, 0x6c, 0x73) && readByte();
    default:
      return readNumber();
  }
}

function readByte(): true {
  position += 1;
  return true;
}

/** The rest of `true`, `null` or `fals`. */
function readWord(second: number, third: number, fourth: number): boolean {
  if (bytes[position + 1] !== second || bytes[position + 2] !== third || bytes[position + 3] !== fourth) {
    return false;
  }
  position += 4;
  return true;
}

function readArray(depth: number): boolean {
  if (depth > JSON_DEPTH_MAX) return fail("request.too_deep");
  position += 1;
  skipSpace();
  if (bytes[position] === BRACKET_CLOSE) return readByte();
  for (;;) {
    if (!readValue(depth, false)) return false;
    skipSpace();
    const byte = bytes[position];
    position += 1;
    if (byte === BRACKET_CLOSE) return true;
    if (byte !== COMMA) return false;
    skipSpace();
  }
}

function readObject(depth: number, underConstructor: boolean): boolean {
  if (depth > JSON_DEPTH_MAX) return fail("request.too_deep");
  const firstKey = keyCount;
  let seen: Set<string> | undefined;
  position += 1;
  skipSpace();
  if (bytes[position] === BRACE_CLOSE) return readByte();
  for (;;) {
    if (!readKey()) return false;
    const start = keyStart;
    const end = keyEnd;
    const escaped = keyEscaped;
    if (isKey("__proto__") || (underConstructor && isKey("prototype"))) return fail("request.forbidden_key");
    if (escaped || seen !== undefined || keyCount - firstKey >= LINEAR_KEYS_MAX) {
      seen ??= namesFrom(firstKey);
      const name = keyName(start, end, escaped);
      if (seen.has(name)) return fail("request.duplicate_key");
      seen.add(name);
    } else {
      if (isRepeated(firstKey)) return fail("request.duplicate_key");
      pushKey();
    }
    const isConstructor = isKey("constructor");
    skipSpace();
    if (bytes[position] !== COLON) return false;
    position += 1;
    skipSpace();
    const valueStart = position;
    if (!readValue(depth, isConstructor)) return false;
    if (depth === 1) members.push({ key: keyName(start, end, escaped), start: valueStart, end: position });
    skipSpace();
    const byte = bytes[position];
    position += 1;
    if (byte === BRACE_CLOSE) {
      keyCount = firstKey;
      return true;
    }
    if (byte !== COMMA) return false;
    skipSpace();
  }
}

/** Reads a key and leaves where it stands, without quotes, and the hash of its bytes. */
function readKey(): boolean {
  if (bytes[position] !== QUOTE) return false;
  keyStart = position + 1;
  if (!readString()) return false;
  keyEnd = position - 1;
  keyEscaped = stringEscaped;
  const text = bytes;
  let hash = 0x811c9dc5;
  for (let at = keyStart; at < keyEnd; at += 1) hash = Math.imul(hash ^ (text[at] ?? 0), 0x01000193);
  keyHash = hash;
  return true;
}

function pushKey(): void {
  if (keyCount * KEY_FIELDS === keyStack.length) {
    const larger = new Int32Array(keyStack.length * 2);
    larger.set(keyStack);
    keyStack = larger;
  }
  keyStack[keyCount * KEY_FIELDS] = keyHash;
  keyStack[keyCount * KEY_FIELDS + 1] = keyStart;
  keyStack[keyCount * KEY_FIELDS + 2] = keyEnd;
  keyCount += 1;
}

/** Whether the key just read is already on the stack of its object. */
function isRepeated(firstKey: number): boolean {
  for (let index = firstKey; index < keyCount; index += 1) {
    if (keyStack[index * KEY_FIELDS] !== keyHash) continue;
    const start = keyStack[index * KEY_FIELDS + 1] ?? 0;
    const end = keyStack[index * KEY_FIELDS + 2] ?? 0;
    if (end - start === keyEnd - keyStart && sameBytes(start, keyStart, end - start)) return true;
  }
  return false;
}

function sameBytes(left: number, right: number, length: number): boolean {
  for (let offset = 0; offset < length; offset += 1) {
    if (bytes[left + offset] !== bytes[right + offset]) return false;
  }
  return true;
}

/** Whether the key just read is this name. */
function isKey(name: string): boolean {
  if (keyEscaped) return keyName(keyStart, keyEnd, true) === name;
  if (keyEnd - keyStart !== name.length) return false;
  for (let offset = 0; offset < name.length; offset += 1) {
    if (bytes[keyStart + offset] !== name.charCodeAt(offset)) return false;
  }
  return true;
}

function keyName(start: number, end: number, escaped: boolean): string {
  return escaped ? JSON.parse(decode(start - 1, end + 1)) : decode(start, end);
}

/** The names of an object's keys so far, once comparing them one by one would take too long. */
function namesFrom(firstKey: number): Set<string> {
  const names = new Set<string>();
  for (let index = firstKey; index < keyCount; index += 1) {
    names.add(decode(keyStack[index * KEY_FIELDS + 1] ?? 0, keyStack[index * KEY_FIELDS + 2] ?? 0));
  }
  return names;
}

function decode(start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
}

function readString(): boolean {
  const text = bytes;
  const { length } = text;
  let at = position + 1;
  stringEscaped = false;
  while (at < length) {
    const byte = text[at] ?? 0;
    if (byte === QUOTE) {
      position = at + 1;
      return true;
    }
    if (byte < 0x20) return false;
    if (byte === BACKSLASH) {
      stringEscaped = true;
      at = readEscape(at + 1);
      if (at === -1) return false;
    } else {
      at += 1;
    }
  }
  return false;
}

/** The position behind the escape whose letter stands at `at`, or -1. */
function readEscape(at: number): number {
  switch (bytes[at]) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 1;
    case 0x75: {
      const unit = readHex4(at + 1);
      if (unit === -1) return -1;
      if (unit < 0xd800 || unit > 0xdfff) return at + 5;
      const paired = unit < 0xdc00 && bytes[at + 5] === BACKSLASH && bytes[at + 6] === 0x75;
      const low = paired ? readHex4(at + 7) : -1;
      if (low >= 0xdc00 && low <= 0xdfff) return at + 11;
      fail("request.invalid_unicode");
      return -1;
    }
    default:
      return -1;
  }
}

function readHex4(at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30;
    else if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66) value = value * 16 + (byte | 0x20) - 0x57;
    else return -1;
  }
  return value;
}

function readNumber(): boolean {
  const start = position;
  if (bytes[position] === MINUS) position += 1;
  if (bytes[position] === ZERO) position += 1;
  else if (!readDigits()) return false;
  let exact = true;
  if (bytes[position] === 0x2e) {
    position += 1;
    if (!readDigits()) return false;
  }
  if (((bytes[position] ?? 0) | 0x20) === 0x65) {
    exact = false;
    position += 1;
    if (bytes[position] === 0x2b || bytes[position] === MINUS) position += 1;
    if (!readDigits()) return false;
  }
  if (exact && position - start < 300) return true;
  return Number.isFinite(Number(decode(start, position))) || fail("request.invalid_number");
}

function readDigits(): boolean {
  const start = position;
  for (;;) {
    const byte = bytes[position];
    if (byte === undefined || byte < 0x30 || byte > 0x39) return position > start;
    position += 1;
  }
}
