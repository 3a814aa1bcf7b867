/** Ids for the hot path: the contract's form (prefix and ULID), from a pool of randomness drawn in bulk. */
import { randomFillSync } from "node:crypto";
import { ID_PREFIXES, type Id, type IdKind } from "@headgate/sdk/contract";

export type NewId = <K extends IdKind>(kind: K) => Id<K>;

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
/** Every two-character combination, found by ten bits. */
const PAIRS = Array.from({ length: 1024 }, (_, index) => `${ALPHABET[index >> 5]}${ALPHABET[index & 31]}`);
const PAIRS_PER_ID = 8;

/** Makes a generator; `wallMs` is the clock, `fill` fills the pool with random bytes. */
export function createIds(
  wallMs: () => number,
  fill: (pool: Uint16Array) => unknown = randomFillSync,
): NewId {
  const pool = new Uint16Array(4096);
  let next = pool.length;
  let timeMs = -1;
  let timeText = "";
  return (kind) => {
    const now = wallMs();
    if (now !== timeMs) {
      timeMs = now;
      timeText = encodeTime(now);
    }
    if (next + PAIRS_PER_ID > pool.length) {
      fill(pool);
      next = 0;
    }
    let text = `${ID_PREFIXES[kind]}_${timeText}`;
    for (const end = next + PAIRS_PER_ID; next < end; next += 1) text += PAIRS[(pool[next] ?? 0) & 1023];
    return text as Id<typeof kind>;
  };
}

function encodeTime(unixMs: number): string {
  let text = "";
  let rest = Math.floor(unixMs);
  for (let index = 0; index < 10; index += 1) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
