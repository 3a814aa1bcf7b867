/** Opens what is sealed to this data plane (JWE, RFC 7516) with its own key, and nothing else opens it. */
import type { KeyObject } from "node:crypto";
import type { Id, PolicySnapshot } from "@headgate/sdk/contract";
import { compactDecrypt } from "jose";
import type { PolicySecrets } from "../../policy/compile-policy.ts";

export type OpenedSeals =
  | { readonly ok: true; readonly secrets: PolicySecrets }
  | { readonly ok: false; readonly errors: readonly string[] };

export async function openSeals(snapshot: PolicySnapshot, encryptionKey: KeyObject): Promise<OpenedSeals> {
  const errors: string[] = [];
  const open = async (what: string, sealed: string): Promise<Uint8Array> => {
    try {
      return (await compactDecrypt(sealed, encryptionKey, ALGORITHMS)).plaintext;
    } catch {
      // The library's words could tell of the content; that it cannot be opened is all there is to say.
      errors.push(`${what} is not sealed to this data plane's key`);
      return new Uint8Array();
    }
  };
  const pepper = Buffer.from(await open("the key pepper", snapshot.sealed_key_pepper));
  const credentials = new Map<Id<"provider">, string>();
  for (const { id, sealed_credential } of snapshot.providers) {
    if (sealed_credential === null) continue;
    credentials.set(
      id,
      Buffer.from(await open(`provider ${id}: the credential`, sealed_credential)).toString("utf8"),
    );
  }
  return errors.length === 0 ? { ok: true, secrets: { pepper, credentials } } : { ok: false, errors };
}

const ALGORITHMS = { keyManagementAlgorithms: ["ECDH-ES"], contentEncryptionAlgorithms: ["A256GCM"] };
