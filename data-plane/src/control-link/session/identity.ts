/**
 * Who this data plane is: an Ed25519 key that it signs with and an X25519 key that secrets are sealed to (RFC 8037).
 * Both are made once, here, and the private halves never leave the state directory.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { ed25519PublicJwk, type JoinRequest, x25519PublicJwk } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Logger } from "../../lib/logger.ts";
import { realDisk } from "../../storage/disk.ts";
import { moveAsideAndTell, readState, writeState } from "../../storage/state-file.ts";

export interface Identity {
  readonly signingKey: KeyObject;
  readonly encryptionKey: KeyObject;
  readonly publicKeys: Pick<JoinRequest, "signing_key" | "encryption_key">;
  /** Made just now: whatever was registered or sealed before belongs to other keys. */
  readonly isNew: boolean;
}

/** Reads the identity, or makes one. Throws when the state directory cannot be written. */
export async function loadIdentity(stateDir: string, logger: Logger): Promise<Identity> {
  const path = join(stateDir, "identity.json");
  const stored = readState(realDisk, path, storedIdentity, moveAsideAndTell(logger));
  if (stored !== undefined) return stored;
  const made: IdentityFile = {
    signing_key: privateJwk(generateKeyPairSync("ed25519").privateKey),
    encryption_key: privateJwk(generateKeyPairSync("x25519").privateKey),
  };
  await writeState(path, made);
  logger.info({}, "a new identity was made");
  const identity = fromJwks(made, true);
  if (identity === undefined) throw new Error("the identity just made cannot be read");
  return identity;
}

const okp = z.strictObject({
  kty: z.literal("OKP"),
  crv: z.enum(["Ed25519", "X25519"]),
  x: z.string(),
  d: z.string(),
});
const identityFile = z.strictObject({ signing_key: okp, encryption_key: okp });
type IdentityFile = z.infer<typeof identityFile>;

function privateJwk(key: KeyObject): z.infer<typeof okp> {
  return okp.parse(key.export({ format: "jwk" }));
}

function storedIdentity(content: unknown): Identity | undefined {
  const { data } = identityFile.safeParse(content);
  return data && fromJwks(data, false);
}

/** Undefined when the keys do not fit together. */
function fromJwks(file: IdentityFile, isNew: boolean): Identity | undefined {
  try {
    const signingKey = createPrivateKey({ key: file.signing_key, format: "jwk" });
    const encryptionKey = createPrivateKey({ key: file.encryption_key, format: "jwk" });
    const publicKeys = {
      signing_key: ed25519PublicJwk.parse(createPublicKey(signingKey).export({ format: "jwk" })),
      encryption_key: x25519PublicJwk.parse(createPublicKey(encryptionKey).export({ format: "jwk" })),
    };
    return { signingKey, encryptionKey, publicKeys, isNew };
  } catch {
    return undefined;
  }
}
