export interface Patience {
  readonly signal: AbortSignal;
  renew(): void;
  end(): void;
}

/** A signal that fires with the caller's, and when the time since the last renewal is over: for that reason, then. */
export function withPatience(ms: number, reason: string, outer: AbortSignal | undefined): Patience {
  const controller = new AbortController();
  const follow = () => controller.abort(outer?.reason);
  let timer: ReturnType<typeof setTimeout>;
  const renew = () => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(new Error(reason)), ms);
  };
  if (outer?.aborted === true) follow();
  else outer?.addEventListener("abort", follow, { once: true });
  renew();
  return {
    signal: controller.signal,
    renew,
    end() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", follow);
      controller.abort();
    },
  };
}
