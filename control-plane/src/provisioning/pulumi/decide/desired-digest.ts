import { canonicalJson, sha256Hex } from "../../../lib/canonical-json.ts";

export interface DesiredParts {
  /** What is the tenant's alone. Of a secret its hash. */
  readonly own: Readonly<Record<string, string | null>>;
  /** What it shares with all others of its region: a change of it is not followed by all of them at once. */
  readonly shared: Readonly<Record<string, string | number>>;
}

/** Two SHA-256 in hex with a point between them, over canonical JSON (RFC 8785). */
export function desiredDigest({ own, shared }: DesiredParts): string {
  return `${sha256Hex(canonicalJson(own))}.${sha256Hex(canonicalJson(shared))}`;
}

/** True where only what is shared has changed. */
export function differsInSharedOnly(a: string, b: string): boolean {
  return a !== b && a.split(".")[0] === b.split(".")[0];
}
