import { type ResourceState, STACK_TYPE } from "../backend/state.ts";
import { PROVIDER_PREFIX, splitReference } from "./providers.ts";

type Dependent = Pick<ResourceState, "urn" | "dependencies" | "parent" | "provider" | "deletedWith">;

/** Which resources an operation is about: all, or those of `--target`, and with `--target-dependents` theirs. */
export class Targets {
  readonly #urns: Set<string> | undefined;
  readonly #withDependents: boolean;

  constructor(urns: readonly string[] | undefined, withDependents: boolean) {
    this.#urns = urns === undefined ? undefined : new Set(urns);
    this.#withDependents = withDependents;
  }

  /** Of a resource that is being registered. The stack and its providers are always included. */
  includes(state: ResourceState): boolean {
    if (this.#urns === undefined || state.type === STACK_TYPE || state.type.startsWith(PROVIDER_PREFIX))
      return true;
    return this.#isTarget(state, this.#urns);
  }

  /** Of resources in the state, those that are targets; nothing is included by its type. */
  among(states: readonly ResourceState[]): readonly ResourceState[] {
    const urns = this.#urns;
    if (urns === undefined) return states;
    for (let size = -1; size !== urns.size; ) {
      size = urns.size;
      for (const state of states) this.#isTarget(state, urns);
    }
    return states.filter(({ urn }) => urns.has(urn));
  }

  #isTarget(state: Dependent, urns: Set<string>): boolean {
    if (urns.has(state.urn)) return true;
    const isDependent = this.#withDependents && needs(state).some((urn) => urns.has(urn));
    if (isDependent) urns.add(state.urn);
    return isDependent;
  }
}

/** What must be there as long as this is. */
export function needs({ dependencies = [], parent, provider, deletedWith }: Dependent): string[] {
  const others = [parent, deletedWith, provider === undefined ? undefined : splitReference(provider)[0]];
  return [...dependencies, ...others.filter((urn) => urn !== undefined)];
}
