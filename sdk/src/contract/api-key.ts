/**
 * The form of an API key: `hg_live_<handle 8>_<secret 32>_<checksum 6>`, all base58. The handle finds the key's
 * row, the checksum (CRC-32 of everything before it) tells a typo from an unknown key without any lookup.
 */
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const PREFIX = "hg_live_";
const HANDLE_CHARS = 8;
const SECRET_CHARS = 32;
const CHECKSUM_CHARS = 6;
export const API_KEY_LENGTH = PREFIX.length + HANDLE_CHARS + 1 + SECRET_CHARS + 1 + CHECKSUM_CHARS;
export const API_KEY_PATTERN =
  /^hg_live_[1-9A-HJ-NP-Za-km-z]{8}_[1-9A-HJ-NP-Za-km-z]{32}_[1-9A-HJ-NP-Za-km-z]{6}$/;

/** Makes a key. `random` must return uniformly random bytes; bytes of 232 and above are skipped to stay unbiased. */
export function makeApiKey(random: (count: number) => Uint8Array): {
  key: string;
  handle: string;
} {
  const handle = base58(HANDLE_CHARS, random);
  const body = `${PREFIX}${handle}_${base58(SECRET_CHARS, random)}`;
  return { key: `${body}_${checksum(body)}`, handle };
}

/** The handle of a well-formed key whose checksum fits, else undefined. */
export function apiKeyHandle(key: string): string | undefined {
  if (key.length !== API_KEY_LENGTH || !API_KEY_PATTERN.test(key)) return undefined;
  const body = key.slice(0, -CHECKSUM_CHARS - 1);
  return key.endsWith(checksum(body)) ? key.slice(PREFIX.length, PREFIX.length + HANDLE_CHARS) : undefined;
}

function base58(length: number, random: (count: number) => Uint8Array): string {
  let text = "";
  while (text.length < length) {
    for (const byte of random(length * 2)) {
      if (byte >= 232 || text.length === length) continue;
      text += BASE58.charAt(byte % 58);
    }
  }
  return text;
}

function checksum(body: string): string {
  let crc = 0xffffffff;
  for (let index = 0; index < body.length; index += 1) {
    crc = (CRC_TABLE[(crc ^ body.charCodeAt(index)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  let rest = (crc ^ 0xffffffff) >>> 0;
  let text = "";
  for (let index = 0; index < CHECKSUM_CHARS; index += 1) {
    text = BASE58.charAt(rest % 58) + text;
    rest = Math.floor(rest / 58);
  }
  return text;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});
