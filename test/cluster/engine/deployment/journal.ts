import type { Deployment, PendingOperation, ResourceState } from "../backend/state.ts";

/**
 * The state of a stack while it changes. Each step writes the whole twice: with its operation pending before it
 * begins, with its result when it is done. What a killed run leaves is therefore always one of these.
 */
export class Journal {
  readonly #base: Deployment;
  readonly #write: (deployment: Deployment) => Promise<void>;
  readonly #atEndOnly: boolean;
  /** States that this run has not come to yet. */
  #old: ResourceState[];
  readonly #done: ResourceState[] = [];
  #left: PendingOperation[];
  readonly #running = new Set<PendingOperation>();
  #saving: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;

  constructor(base: Deployment, write: (deployment: Deployment) => Promise<void>, atEndOnly = false) {
    this.#base = base;
    this.#write = write;
    this.#atEndOnly = atEndOnly;
    this.#old = [...(base.resources ?? [])];
    this.#left = [...(base.pending_operations ?? [])];
  }

  /** Old states not handled yet, in their order. */
  get old(): readonly ResourceState[] {
    return this.#old;
  }

  get done(): readonly ResourceState[] {
    return this.#done;
  }

  /** Operations that an earlier run began and did not live to finish. */
  get leftPending(): readonly PendingOperation[] {
    return this.#left;
  }

  /** Only a refresh that is told to may forget that something may have been created. */
  forgetPending(creates: boolean): void {
    this.#left = this.#left.filter(({ type }) => type === "creating" && !creates);
  }

  async begin(operation: PendingOperation): Promise<void> {
    this.#running.add(operation);
    if (!this.#atEndOnly) await this.save();
  }

  /** Ends the operation begun, with what became of it: a state in the place of an old one, either or neither. */
  async end(
    operation: PendingOperation | undefined,
    state?: ResourceState,
    old?: ResourceState,
  ): Promise<void> {
    if (operation !== undefined) this.#running.delete(operation);
    if (old !== undefined) this.#forget(old);
    if (state !== undefined) this.#done.push(state);
    if (!this.#atEndOnly) await this.save();
  }

  /** Notes a state that needed no operation; the next write takes it along. */
  record(state: ResourceState, old: ResourceState | undefined): void {
    if (old !== undefined) this.#forget(old);
    this.#done.push(state);
  }

  /** Puts another state, or none, in the place of an old one without the run having come to it. */
  substitute(old: ResourceState, state: ResourceState | undefined): void {
    const put = (other: ResourceState) => (other !== old ? [other] : state === undefined ? [] : [state]);
    this.#old = this.#old.flatMap(put);
  }

  current(): Deployment {
    const { pending_operations: _, ...base } = this.#base;
    const pending = [...this.#left.filter(({ type }) => type === "creating"), ...this.#running];
    return {
      ...base,
      manifest: { ...base.manifest, time: new Date().toISOString() },
      resources: [...this.#done, ...this.#old],
      ...(pending.length > 0 ? { pending_operations: pending } : {}),
    };
  }

  /** Writes what now is; those who ask while a write runs share the next one. */
  save(): Promise<void> {
    if (this.#queued !== undefined) return this.#queued;
    const next = this.#saving.then(() => {
      this.#queued = undefined;
      return this.#write(this.current());
    });
    this.#queued = next;
    this.#saving = next.catch(() => {});
    return next;
  }

  #forget(state: ResourceState): void {
    this.#old = this.#old.filter((other) => other !== state);
    const at = this.#done.indexOf(state);
    if (at >= 0) this.#done.splice(at, 1);
  }
}
