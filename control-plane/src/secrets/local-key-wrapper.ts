import { mkdir, open as openFile, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Random } from "../lib/make-id.ts";
import { Refusal } from "../lib/refusal.ts";
import { open, seal } from "./aead.ts";
import type { KeyWrapper } from "./key-wrapper.ts";

const KEY_BYTES = 32;

/**
 * A wrapper whose key lies in a local file of mode 0600, made on first use. Throws a `Refusal` when the file can be
 * read by others, does not hold a key, or is missing although secrets were wrapped under it before (`inUse`): what was
 * wrapped under another key could never be opened again.
 */
export async function openLocalKeyWrapper(
  path: string,
  random: Random,
  { inUse }: { inUse: boolean },
): Promise<KeyWrapper> {
  if (!inUse) await makeKey(path, random);
  return createKeyWrapper(await readKey(path), random);
}

/**
 * A wrapper whose key was put into a file by somebody else, as a mounted secret: 32 bytes, or their base64. It is never
 * made. Throws a `Refusal` when it is missing, holds no key, or can be read by everybody; its group may read it.
 */
export async function openGivenKeyWrapper(path: string, random: Random): Promise<KeyWrapper> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new Refusal(`HEADGATE_KEY_FILE: ${path} is not a file.`);
  if ((found.mode & 0o007) !== 0)
    throw new Refusal(`HEADGATE_KEY_FILE: ${path} must not be readable by everybody.`);
  const content = await readFile(path);
  const text = content.toString("utf8").trim();
  const key = /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, "base64") : content;
  if (key.length !== KEY_BYTES)
    throw new Refusal(
      `HEADGATE_KEY_FILE: ${path} does not hold a key of ${KEY_BYTES} bytes, or their base64.`,
    );
  return createKeyWrapper(key, random);
}

/** A wrapper around a key at hand. */
export function createKeyWrapper(key: Uint8Array, random: Random): KeyWrapper {
  return {
    wrap: async (secret, context) =>
      seal({ key, nonce: random(12), plaintext: secret, context: `wrap|${context}` }),
    unwrap: async (wrapped, context) => open(key, wrapped, `wrap|${context}`),
  };
}

/** One that is there is left as it is. */
async function makeKey(path: string, random: Random): Promise<void> {
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
}

async function readKey(path: string): Promise<Uint8Array> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT")
      throw new Refusal(
        `${path} is missing, and the database holds secrets that only the key in it opens. Put the file back from a copy; a new key would open none of them.`,
      );
    throw error;
  });
  if ((found.mode & 0o077) !== 0)
    throw new Refusal(`${path} must be readable by its owner alone (chmod 600).`);
  const key = await readFile(path);
  if (key.length !== KEY_BYTES)
    throw new Refusal(
      `${path} does not hold a key of ${KEY_BYTES} bytes; put back the one that this database was made with.`,
    );
  return key;
}
