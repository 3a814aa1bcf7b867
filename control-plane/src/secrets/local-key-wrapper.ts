import { mkdir, open as openFile, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Random } from "../lib/make-id.ts";
import { Refusal } from "../lib/refusal.ts";
import { open, seal } from "./aead.ts";
import type { KeyWrapper } from "./key-wrapper.ts";

const KEY_BYTES = 32;

/**
 * A wrapper whose key lies in a local file of mode 0600, made on first use. Throws when the file can be read by
 * others or does not hold a key: what was wrapped under another key could never be opened again.
 */
export async function openLocalKeyWrapper(path: string, random: Random): Promise<KeyWrapper> {
  return createKeyWrapper(await readOrMakeKey(path, random), random);
}

/** A wrapper around a key at hand. */
export function createKeyWrapper(key: Uint8Array, random: Random): KeyWrapper {
  return {
    wrap: async (secret, context) =>
      seal({ key, nonce: random(12), plaintext: secret, context: `wrap|${context}` }),
    unwrap: async (wrapped, context) => open(key, wrapped, `wrap|${context}`),
  };
}

async function readOrMakeKey(path: string, random: Random): Promise<Uint8Array> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await openFile(path, "wx", 0o600);
    try {
      await file.writeFile(random(KEY_BYTES));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  if (((await stat(path)).mode & 0o077) !== 0)
    throw new Refusal(`${path} must be readable by its owner alone (chmod 600)`);
  const key = await readFile(path);
  if (key.length !== KEY_BYTES) throw new Refusal(`${path} does not hold a key of ${KEY_BYTES} bytes`);
  return key;
}
