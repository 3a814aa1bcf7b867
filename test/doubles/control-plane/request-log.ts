/** What the fake control plane was asked. */
export interface SeenRequest {
  readonly path: string;
  readonly status: number;
  /** Undefined where it was no JSON object. */
  readonly body: unknown;
  /** The version of the contract that it states. */
  readonly reads: number | undefined;
}

export function createRequestLog() {
  const seen: SeenRequest[] = [];
  const watchers = new Set<(request: SeenRequest) => void>();
  return {
    seen,
    add(request: SeenRequest): void {
      seen.push(request);
      for (const watcher of watchers) watcher(request);
    },
    async received(fits: (request: SeenRequest) => boolean, from = 0): Promise<SeenRequest> {
      const past = seen.slice(from).find(fits);
      if (past !== undefined) return past;
      const { promise, resolve } = Promise.withResolvers<SeenRequest>();
      const watcher = (request: SeenRequest) => {
        if (fits(request)) resolve(request);
      };
      watchers.add(watcher);
      const found = await promise;
      watchers.delete(watcher);
      return found;
    },
  };
}
