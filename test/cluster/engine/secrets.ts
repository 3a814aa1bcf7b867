import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { CommandFailure } from "./command-failure.ts";
import { isObject, isSecret, type Json, mapValues, SECRET, SIGNATURE } from "./wire.ts";

/** Encrypts what is secret in state and configuration, by the stack's passphrase. */
export type Secrets = {
  readonly salt: string;
  encrypt(text: string): string;
  decrypt(sealed: string): string;
};

/** The secrets of a stack whose `salt` is known; a new stack gets one. The key is made on first use. */
export function openSecrets(salt: string | undefined, env: NodeJS.ProcessEnv): Secrets {
  const bytes = salt === undefined ? randomBytes(8) : Buffer.from(salt.split(":")[1] ?? "", "base64");
  let key: Buffer | undefined;
  const keyOf = () => (key ??= pbkdf2Sync(passphrase(env), bytes, 1_000, 32, "sha256"));
  const encrypt = (text: string) => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", keyOf(), nonce);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
  };
  const decrypt = (sealed: string) => {
    const [, nonce = "", body = ""] = sealed.split(":");
    const bodyBytes = Buffer.from(body, "base64");
    const decipher = createDecipheriv("aes-256-gcm", keyOf(), Buffer.from(nonce, "base64"));
    decipher.setAuthTag(bodyBytes.subarray(-16));
    try {
      return decipher.update(bodyBytes.subarray(0, -16), undefined, "utf8") + decipher.final("utf8");
    } catch {
      throw new CommandFailure(
        "incorrect passphrase: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to this stack's",
      );
    }
  };
  const secrets = { salt: salt ?? "", encrypt, decrypt };
  if (salt === undefined) return { ...secrets, salt: `v1:${bytes.toString("base64")}:${encrypt("pulumi")}` };
  // The salt carries a sealed word, so that a wrong passphrase is found before anything is done with it.
  decrypt(salt.split(":").slice(2).join(":"));
  return secrets;
}

/** A state's values, sealed for storage. */
export function seal(value: Json, secrets: Secrets): Json {
  if (isSecret(value)) {
    return { [SIGNATURE]: SECRET, ciphertext: secrets.encrypt(JSON.stringify(value["value"] ?? null)) };
  }
  if (Array.isArray(value)) return value.map((item) => seal(item, secrets));
  return isObject(value) ? mapValues(value, (item) => seal(item, secrets)) : value;
}

/** A stored state's values; `shown` gives the form of an export with its secrets readable. */
export function unseal(value: Json, secrets: Secrets, shown = false): Json {
  if (isSecret(value)) {
    const { ciphertext, plaintext } = value;
    if (typeof ciphertext !== "string" && typeof plaintext !== "string") return value;
    const text = typeof plaintext === "string" ? plaintext : secrets.decrypt(String(ciphertext));
    return { [SIGNATURE]: SECRET, ...(shown ? { plaintext: text } : { value: JSON.parse(text) }) };
  }
  if (Array.isArray(value)) return value.map((item) => unseal(item, secrets, shown));
  return isObject(value) ? mapValues(value, (item) => unseal(item, secrets, shown)) : value;
}

function passphrase(env: NodeJS.ProcessEnv): string {
  const direct = env["PULUMI_CONFIG_PASSPHRASE"];
  if (direct !== undefined) return direct;
  const file = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
  if (file !== undefined) return readFileSync(file, "utf8").trim();
  throw new CommandFailure(
    "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
  );
}
