/** So long without a step that begins or ends, and all have asked to be let in that do not wait for another. */
const QUIET_MS = 60;

/**
 * Lets so many in at once; the others wait in the order in which they came. With `byName` nobody is let in before it is
 * quiet, and then the first by name: which step is the n-th is the same in every run.
 */
export class Slots {
  #free: number;
  readonly #byName: boolean;
  readonly #waiting: { readonly name: string; readonly enter: () => void }[] = [];
  #quiet: NodeJS.Timeout | undefined;

  constructor(count: number, { byName = false }: { byName?: boolean } = {}) {
    this.#free = count;
    this.#byName = byName;
  }

  async use<T>(name: string, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((enter) => {
      this.#waiting.push({ name, enter });
      this.#changed();
    });
    try {
      return await work();
    } finally {
      this.#free += 1;
      this.#changed();
    }
  }

  #changed(): void {
    clearTimeout(this.#quiet);
    if (this.#byName) this.#quiet = setTimeout(() => this.#letIn(), QUIET_MS);
    else this.#letIn();
  }

  #letIn(): void {
    if (this.#byName) this.#waiting.sort((a, b) => (a.name < b.name ? -1 : 1));
    while (this.#free > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#free -= 1;
      next.enter();
    }
  }
}
