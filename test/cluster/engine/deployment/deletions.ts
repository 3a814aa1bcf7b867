import type { ResourceState } from "../backend/state.ts";
import { PROVIDER_PREFIX } from "./providers.ts";
import type { Run } from "./run.ts";
import { perform } from "./steps.ts";
import { needs } from "./targets.ts";

/** Deletes `doomed`, each after all that depend on it: those that depend, lie below, are provided or go with it. */
export async function deleteAll(run: Run, doomed: readonly ResourceState[]): Promise<void> {
  const protectedOnes = doomed.filter((state) => state.protect === true);
  for (const { urn } of protectedOnes) {
    run.fail(urn, new Error(`Cannot delete protected resource '${urn}': remove the protect option first`));
  }
  const left = run.options.journal.old.filter((state) => !doomed.includes(state));
  for (const { urn } of doomed) {
    const dependent = left.find((state) => needs(state).includes(urn));
    if (dependent !== undefined) {
      run.fail(urn, new Error(`Cannot delete '${urn}': '${dependent.urn}' depends on it and is no target`));
    }
  }
  if (run.isHalted) return;

  const deletions = new Map<ResourceState, Promise<void>>();
  const deletionOf = (state: ResourceState): Promise<void> => {
    const known = deletions.get(state);
    if (known !== undefined) return known;
    const dependents = doomed.filter((other) => other !== state && needs(other).includes(state.urn));
    const begun = Promise.all(dependents.map(deletionOf)).then(() => deleteOne(run, state, { doomed }));
    deletions.set(state, begun);
    return begun;
  };
  await Promise.allSettled(doomed.map(deletionOf));
}

type DeleteOptions = { readonly doomed: readonly ResourceState[]; readonly replacing?: boolean };

export async function deleteOne(
  run: Run,
  state: ResourceState,
  { doomed, replacing = false }: DeleteOptions,
): Promise<void> {
  const { providers, dryRun, cancelled } = run.options;
  const replaced = replacing || state.delete === true;
  const act = async () => {
    if (needsNoCall(state, doomed) || dryRun) return undefined;
    const { customTimeouts } = state;
    await providers.of(state.provider).delete(state, {
      dryRun,
      signal: cancelled,
      ...(customTimeouts === undefined ? {} : { timeouts: customTimeouts }),
    });
    return undefined;
  };
  const op = replaced ? "delete-replaced" : "delete";
  const step = { op, urn: state.urn, type: state.type, old: state, replacing: replaced } as const;
  await perform(run, { step, pending: "deleting", act });
}

/** Those of `states` that cannot outlive `replaced`: an input that makes them what they are comes from it. */
export function dependentReplacements(
  states: readonly ResourceState[],
  replaced: ResourceState,
  isIdentity: (state: ResourceState, property: string) => boolean,
): ResourceState[] {
  const found: ResourceState[] = [];
  const gone = new Set([replaced.urn]);
  for (let grew = true; grew; ) {
    const more = states.filter(
      (state) =>
        state !== replaced &&
        state.custom &&
        !found.includes(state) &&
        Object.entries(state.propertyDependencies ?? {}).some(
          ([property, urns]) => urns.some((urn) => gone.has(urn)) && isIdentity(state, property),
        ),
    );
    for (const state of more) gone.add(state.urn);
    found.push(...more);
    grew = more.length > 0;
  }
  return found.reverse();
}

function needsNoCall(state: ResourceState, doomed: readonly ResourceState[]): boolean {
  if (!state.custom || state.external === true || state.retainOnDelete === true) return true;
  if (state.type.startsWith(PROVIDER_PREFIX)) return true;
  return state.deletedWith !== undefined && doomed.some(({ urn }) => urn === state.deletedWith);
}
