import type { Id } from "@headgate/sdk/contract";
import type { Random } from "../lib/make-id.ts";
import { open, seal } from "./aead.ts";
import type { KeyWrapper } from "./key-wrapper.ts";

/** Whose data key is used: a row of `tenants` will do. */
export interface KeyOwner {
  readonly id: Id<"tenant">;
  /** The data key, wrapped. */
  readonly data_key: string;
}

/** What a ciphertext is bound to besides its tenant. */
export interface SecretName {
  /** The id of the row that holds it, or a fixed word such as `key_pepper`. */
  readonly id: string;
  readonly version: number;
}

export interface TenantSecrets {
  /** A new data key, wrapped, for a tenant to be. */
  createDataKey(tenantId: Id<"tenant">): Promise<string>;
  seal(owner: KeyOwner, name: SecretName, plaintext: Uint8Array | string): Promise<string>;
  /** Throws when the ciphertext was not made for this tenant, this secret and this version. */
  open(owner: KeyOwner, name: SecretName, sealed: string): Promise<Buffer>;
}

const CACHED_KEYS_MAX = 1_000;

/** Envelope encryption: each tenant has its own data key, which the platform's wrapper wraps. */
export function createTenantSecrets(wrapper: KeyWrapper, random: Random): TenantSecrets {
  const dataKeys = new Map<string, Uint8Array>();

  async function dataKey(owner: KeyOwner): Promise<Uint8Array> {
    const cacheKey = `${owner.id}|${owner.data_key}`;
    const cached = dataKeys.get(cacheKey);
    if (cached !== undefined) return cached;
    const key = await wrapper.unwrap(owner.data_key, owner.id);
    const [oldest] = dataKeys.keys();
    if (dataKeys.size >= CACHED_KEYS_MAX && oldest !== undefined) dataKeys.delete(oldest);
    dataKeys.set(cacheKey, key);
    return key;
  }

  return {
    createDataKey: (tenantId) => wrapper.wrap(random(32), tenantId),
    seal: async (owner, name, plaintext) =>
      seal({
        key: await dataKey(owner),
        nonce: random(12),
        plaintext: typeof plaintext === "string" ? Buffer.from(plaintext, "utf8") : plaintext,
        context: contextOf(owner, name),
      }),
    open: async (owner, name, sealed) => open(await dataKey(owner), sealed, contextOf(owner, name)),
  };
}

/** The pepper of a tenant's key hashes. */
export const KEY_PEPPER: SecretName = { id: "key_pepper", version: 1 };

function contextOf(owner: KeyOwner, name: SecretName): string {
  return `${owner.id}|${name.id}|${name.version}`;
}
