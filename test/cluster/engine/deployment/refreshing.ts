import type { ResourceState } from "../backend/state.ts";
import { sameJson } from "../wire.ts";
import type { Op, Step } from "./events.ts";
import { PROVIDER_PREFIX } from "./providers.ts";
import { HaltedError, type Run } from "./run.ts";

/** Reads every object again: the state then says what lives. What is gone goes from the state. */
export async function refreshAll(run: Run): Promise<void> {
  const { journal, targets } = run.options;
  const subjects = targets
    .among(journal.old)
    .filter((state) => state.custom && state.delete !== true && !state.type.startsWith(PROVIDER_PREFIX));
  await Promise.allSettled(subjects.map((state) => run.track(refreshOne(run, state))));
  await journal.save();
}

async function refreshOne(run: Run, old: ResourceState): Promise<void> {
  const { events, journal, providers, slots, kind } = run.options;
  await slots.use(old.urn, async () => {
    run.refuseIfHalted();
    const step: Step = { op: "refresh", urn: old.urn, type: old.type, old, new: old };
    events.begun(step);
    try {
      const read = await providers.of(old.provider).read(old);
      const { initErrors: _, ...rest } = old;
      const state: ResourceState | undefined =
        read === undefined ? undefined : { ...rest, ...read, modified: new Date().toISOString() };
      journal.substitute(old, state);
      const done: Step = { ...step, new: state, op: outcome(old, state) };
      // Within another operation a refresh only informs; what it leads to is counted there.
      if (kind === "refresh") events.done(done);
      else events.told(done);
      if (state?.initErrors !== undefined) events.diagnostic("warning", state.initErrors.join("\n"), old.urn);
    } catch (error) {
      events.failed(step);
      run.fail(old.urn, error);
      throw new HaltedError();
    }
  });
}

function outcome(old: ResourceState, state: ResourceState | undefined): Op {
  if (state === undefined) return "delete";
  return sameJson(old.inputs, state.inputs) ? "same" : "update";
}
