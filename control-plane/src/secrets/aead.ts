import { createCipheriv, createDecipheriv } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = "1";

export interface SealInput {
  /** 32 bytes. */
  key: Uint8Array;
  /** 12 bytes, never used before with this key. */
  nonce: Uint8Array;
  plaintext: Uint8Array;
  /** What the ciphertext is bound to: it opens with exactly the same text and no other. */
  context: string;
}

/** Encrypts with AES-256-GCM (NIST SP 800-38D). The result is `1.` and base64url of nonce, tag and ciphertext. */
export function seal({ key, nonce, plaintext, context }: SealInput): string {
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context, "utf8"));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return `${VERSION}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64url")}`;
}

/** The plaintext. Throws when anything of key, context or ciphertext is not what it was. */
export function open(key: Uint8Array, sealed: string, context: string): Buffer {
  const [version, text] = sealed.split(".");
  const bytes = Buffer.from(text ?? "", "base64url");
  if (version !== VERSION || bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error("not a sealed secret");
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context, "utf8"));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
}
