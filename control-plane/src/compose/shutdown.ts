/** What a start has made, to be ended in reverse: what was made later may need what was made before it. */
export interface Shutdown {
  /** True once the end has begun: health then says so. */
  isDraining(): boolean;
  later(end: () => Promise<void>): void;
  run(): Promise<void>;
}

export function createShutdown(): Shutdown {
  const made: (() => Promise<void>)[] = [];
  let draining = false;
  return {
    isDraining: () => draining,
    later: (end) => void made.push(end),
    async run() {
      draining = true;
      for (const end of made.splice(0).reverse()) await end();
    },
  };
}
