import { setTimeout as sleep } from "node:timers/promises";
import {
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  ListWatch,
  Watch,
} from "@kubernetes/client-node";

const RETRY_MS = 500;
const CATCH_UP_MS = 20;

export interface WatchedOptions<T extends KubernetesObject> {
  readonly config: KubeConfig;
  readonly path: string;
  readonly list: () => Promise<KubernetesListObject<T>>;
  readonly fieldSelector?: string;
  /** Called when the list has changed. */
  readonly changed: () => void;
}

/** The objects of one kind, kept up to date by a watch that is taken up again whenever it ends. */
export class Watched<T extends KubernetesObject> {
  readonly #options: WatchedOptions<T>;
  readonly #watch: ListWatch<T>;
  #stopped = false;

  constructor(options: WatchedOptions<T>) {
    this.#options = options;
    const { config, path, list, fieldSelector, changed } = options;
    this.#watch = new ListWatch<T>(path, new Watch(config), list, false, undefined, fieldSelector);
    for (const event of ["add", "update", "delete"] as const) this.#watch.on(event, changed);
    this.#watch.on("error", () => {
      void this.#again();
    });
  }

  async start(): Promise<void> {
    await this.#watch.start();
  }

  list(): readonly T[] {
    return this.#watch.list();
  }

  /** Resolves when nothing that the API server holds now is missing here, or older, or gone. */
  async caughtUp(): Promise<void> {
    while (!this.#stopped) {
      const { items } = await this.#options.list();
      const seen = new Map(this.list().map((object) => [object.metadata?.uid, versionOf(object)]));
      const there = items.every((object) => (seen.get(object.metadata?.uid) ?? -1n) >= versionOf(object));
      if (there && seen.size === items.length) return;
      await sleep(CATCH_UP_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watch.stop();
  }

  async #again(): Promise<void> {
    while (!this.#stopped) {
      await sleep(RETRY_MS);
      try {
        if (!this.#stopped) await this.#watch.start();
        return;
      } catch {
        // The API server is away: so are changes.
      }
    }
  }
}

/** Ever greater with each change of an object: Kubernetes lets clients compare versions of one kind since 1.35. */
function versionOf(object: KubernetesObject): bigint {
  return BigInt(object.metadata?.resourceVersion ?? "0");
}
