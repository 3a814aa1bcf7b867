/** What a call's protocol reads in what a provider sends. */
export interface AnswerReader {
  /** Whether it is an answer to the call. */
  isAnswer(json: unknown): boolean;
  /** Whether the caller's clients know it for an error. */
  isOwnError(json: unknown): boolean;
  readError(json: unknown): ProviderError;
}

/** An error of whatever form. */
export interface ProviderError {
  readonly message: string | undefined;
  /** What it is about, where it tells: the tenant's account or credential there, the rate of calls, or its load. */
  readonly about: "account" | "credential" | "rate" | "load" | undefined;
}
