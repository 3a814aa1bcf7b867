import { rootOf } from "../backend/state.ts";
import { messageOf } from "../command-failure.ts";
import type { Events } from "./events.ts";
import type { Journal } from "./journal.ts";
import type { Pause } from "./pause.ts";
import type { Providers } from "./providers.ts";
import type { Slots } from "./slots.ts";
import type { Targets } from "./targets.ts";

export type RunKind = "update" | "preview" | "refresh" | "destroy";

/** The run has failed or is cancelled: nothing more is begun. The SDK falls silent at the answer made of this. */
export class HaltedError extends Error {
  constructor() {
    super("resource monitor shut down");
  }
}

type RunOptions = {
  readonly kind: RunKind;
  readonly dryRun: boolean;
  readonly project: string;
  readonly stack: string;
  readonly env: NodeJS.ProcessEnv;
  readonly config: ReadonlyMap<string, { value: string; secret: boolean }>;
  readonly parallel: number;
  readonly events: Events;
  readonly journal: Journal;
  readonly providers: Providers;
  readonly pause: Pause;
  readonly slots: Slots;
  readonly targets: Targets;
  /** The operation is being cancelled: waits end, the step under way is recorded. */
  readonly cancelled: AbortSignal;
};

/** One operation on one stack, as all its parts share it. */
export class Run {
  readonly options: RunOptions;
  readonly #halt = new AbortController();
  readonly #active = new Set<Promise<unknown>>();
  #failed = false;
  /** Fulfilled once the run is halted and the steps then under way have ended. */
  readonly ended: Promise<void>;

  constructor(options: RunOptions) {
    this.options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#halt.signal.addEventListener("abort", () => void this.idle().then(resolve), { once: true });
    const cancel = () => this.#halt.abort();
    if (options.cancelled.aborted) cancel();
    else options.cancelled.addEventListener("abort", cancel, { once: true });
  }

  get failed(): boolean {
    return this.#failed;
  }

  get isHalted(): boolean {
    return this.#halt.signal.aborted;
  }

  refuseIfHalted(): void {
    if (this.isHalted) throw new HaltedError();
  }

  /** Tells the error of a resource, or of the run, and lets nothing more begin. */
  fail(urn: string, error: unknown): void {
    this.#failed = true;
    if (!(error instanceof HaltedError)) this.options.events.diagnostic("error", messageOf(error), urn);
    this.#halt.abort();
  }

  /** Keeps the run from ending before `work` has. */
  async track<T>(work: Promise<T>): Promise<T> {
    this.#active.add(work);
    try {
      return await work;
    } finally {
      this.#active.delete(work);
    }
  }

  async idle(): Promise<void> {
    while (this.#active.size > 0) await Promise.allSettled(this.#active);
  }

  get rootUrn(): string {
    return rootOf([...this.options.journal.done, ...this.options.journal.old])?.urn ?? "";
  }
}
