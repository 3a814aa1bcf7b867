export interface ClientOptions {
  /** Where the control plane is, such as `https://headgate.example`. */
  url: string;
  /** A tenant's admin key or the operator's token. Public procedures need none. */
  credential?: string;
  /** The tenant that an operator acts on. */
  tenant?: string;
  /** Takes the place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** The time for one attempt, in milliseconds; 30,000 when absent. */
  timeoutMs?: number;
  /** How often a read is tried again when no answer came; 2 when absent. What changes something is sent once. */
  retriesMax?: number;
  /** The wait before the first retry, in milliseconds, doubled for the next, less up to a half by chance; 200 when absent. */
  retryDelayMs?: number;
}

export interface CallOptions {
  /** Ends the call early; it rejects with code `network`, and the signal's reason is the error's `cause`. */
  signal?: AbortSignal;
}
