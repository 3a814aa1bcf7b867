/**
 * Identifiers. Every id is `<prefix>_<ULID>`: a type prefix and 26 lower-case Crockford base32 characters
 * (48 bits of Unix milliseconds, 80 random bits; https://github.com/ulid/spec). Ids sort by creation time.
 */
import { z } from "zod";

export const ID_PREFIXES = {
  tenant: "ten",
  operator: "opr",
  agent: "agt",
  key: "key",
  provider: "prv",
  model: "mdl",
  route: "rte",
  target: "tgt",
  rule: "rul",
  limit: "lim",
  budget: "bud",
  price: "prc",
  dataPlane: "dpl",
  replica: "rpl",
  instance: "ins",
  stream: "stm",
  batch: "bat",
  request: "req",
  attempt: "att",
  decision: "dec",
  audit: "aud",
  operation: "opn",
  release: "rel",
  signingKey: "sgn",
} as const;

export type IdKind = keyof typeof ID_PREFIXES;
export type Id<K extends IdKind> = `${(typeof ID_PREFIXES)[K]}_${string}`;

/** Where ids get their time and their randomness from. */
export interface IdSource {
  /** Unix milliseconds. */
  now(): number;
  /** Fills the array with random bytes. */
  random(bytes: Uint8Array): Uint8Array;
}

/** What follows the prefix and `_`, as a regular expression. */
export const UNIQUE_PART = "[0-9a-hjkmnp-tv-z]{26}";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;

/** Makes a generator of ids. Sixteen random bytes are drawn per id, five bits of each are used. */
export function createIdFactory(source: IdSource): <K extends IdKind>(kind: K) => Id<K> {
  const bytes = new Uint8Array(RANDOM_CHARS);
  return (kind) => {
    source.random(bytes);
    return encodeId(kind, source.now(), bytes);
  };
}

/** Builds an id from its parts; `random` is read for its first sixteen bytes. */
export function encodeId<K extends IdKind>(kind: K, unixMs: number, random: Uint8Array): Id<K> {
  let text = "";
  let rest = Math.floor(unixMs);
  for (let index = 0; index < TIME_CHARS; index += 1) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  for (let index = 0; index < RANDOM_CHARS; index += 1) text += ALPHABET.charAt((random[index] ?? 0) & 31);
  return `${ID_PREFIXES[kind]}_${text}`;
}

/** The schema of one kind of id. */
export function idOf<K extends IdKind>(kind: K): z.ZodType<Id<K>, Id<K>> {
  const pattern = new RegExp(`^${ID_PREFIXES[kind]}_${UNIQUE_PART}$`);
  return z.custom<Id<K>>((value) => typeof value === "string" && pattern.test(value), {
    error: `must be an id that starts with ${ID_PREFIXES[kind]}_, not a name`,
  });
}

/** True when `value` is an id of this kind. */
export function isId<K extends IdKind>(kind: K, value: unknown): value is Id<K> {
  return idOf(kind).safeParse(value).success;
}
