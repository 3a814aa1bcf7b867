/**
 * Runs a pass at once and then again and again, `everyMs` after the one before has ended, whether or not it threw. The
 * function it gives ends that, and resolves when the pass that is running has ended.
 */
export function repeat(
  pass: () => Promise<unknown>,
  everyMs: number,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve();
  let stopped = false;
  const run = () => {
    running = pass()
      .catch(onError)
      .finally(() => {
        if (!stopped) timer = setTimeout(run, everyMs);
      });
  };
  let timer = setTimeout(run, 0);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
