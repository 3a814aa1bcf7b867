import type { JoinRequest } from "@headgate/sdk/contract";
import { CompactEncrypt, importJWK } from "jose";

/**
 * Seals a secret so that only the holder of the X25519 key can open it: compact JWE, ECDH-ES, A256GCM (RFC 7516,
 * RFC 8037). Each call gives another text for the same secret.
 */
export async function sealSecret(
  secret: Uint8Array,
  recipient: JoinRequest["encryption_key"],
): Promise<string> {
  return new CompactEncrypt(secret)
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM" })
    .encrypt(await importJWK(recipient, "ECDH-ES"));
}
