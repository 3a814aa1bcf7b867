/**
 * Wraps small secrets (tenants' data keys, the platform's signing keys) under a key that never leaves the wrapper.
 * A key management service fits behind it as well as a local file does.
 */
export interface KeyWrapper {
  /** `context` says whose secret it is; the same text is needed to unwrap it. */
  wrap(secret: Uint8Array, context: string): Promise<string>;
  /** Throws when the wrapped text or the context is not what it was. */
  unwrap(wrapped: string, context: string): Promise<Uint8Array>;
}
