import type { PendingOperation, ResourceState } from "../backend/state.ts";
import type { Step } from "./events.ts";
import { HaltedError, type Run } from "./run.ts";

type Work = {
  readonly step: Step;
  readonly pending: PendingOperation["type"];
  /** Does it, and gives the new state; none of what was deleted. */
  readonly act: () => Promise<ResourceState | undefined>;
};

/**
 * Does one step: pending operation written, act, result written. An object that was made but did not become ready is
 * recorded and fails the run; an act that failed leaves the old state.
 */
export function perform(run: Run, { step, pending, act }: Work): Promise<ResourceState | undefined> {
  const { events, journal, pause, slots, dryRun } = run.options;
  const work = slots.use(step.urn, async () => {
    run.refuseIfHalted();
    const stand = pause.step(step.op, step.urn);
    const subject = step.new ?? step.old;
    if (subject === undefined) throw new Error("a step is about a resource");
    const operation: PendingOperation = { resource: subject, type: pending };
    events.begun(step);
    await journal.begin(operation);
    let state: ResourceState | undefined;
    try {
      if (!dryRun) await stand.before();
      state = await act();
      if (!dryRun) await stand.after();
    } catch (error) {
      events.failed(step);
      run.fail(step.urn, error);
      await journal.end(operation);
      throw new HaltedError();
    }
    step.new = state;
    await journal.end(operation, state, step.old);
    if (state?.initErrors === undefined) events.done(step);
    else {
      events.failed(step);
      run.fail(step.urn, new Error(notReady(state, step.op)));
      throw new HaltedError();
    }
    return state;
  });
  return run.track(work);
}

/** Records what needed no act: an unchanged resource, a component. */
export function record(run: Run, step: Step & { new: ResourceState }): ResourceState {
  run.refuseIfHalted();
  run.options.events.begun(step);
  run.options.journal.record(step.new, step.old);
  run.options.events.done(step);
  return step.new;
}

function notReady(state: ResourceState, op: string): string {
  const reasons = state.initErrors ?? [];
  const subject =
    op === "update"
      ? `the Kubernetes API server reported that "${state.id ?? ""}" failed to fully initialize or become live`
      : `resource "${state.urn}" was successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live`;
  const lines = [`${subject}: ${reasons[0] ?? ""}`, ...reasons.slice(1)];
  return `${lines.length} error${lines.length === 1 ? "" : "s"} occurred:\n${lines.map((line) => `\t* ${line}`).join("\n")}\n`;
}
