import { randomUUID } from "node:crypto";
import type { ResourceState } from "../backend/state.ts";
import { UNKNOWN } from "../wire.ts";
import type { Goal } from "./goal.ts";
import { PROVIDER_PREFIX } from "./providers.ts";
import type { Run } from "./run.ts";
import { urnOf } from "./urn.ts";

/**
 * Registration for `refresh` and `destroy` with `--run-program`: nothing is deployed; the program is told what the
 * state knows, and its providers' present configuration (a fresh token) takes the place of the stored one.
 */
export function registerKnown(run: Run): (goal: Goal) => Promise<ResourceState> {
  return async (goal) => {
    const { project, stack, journal } = run.options;
    run.refuseIfHalted();
    const urn = urnOf({ project, stack, ...goal });
    const old = journal.old.find((state) => state.urn === urn && state.delete !== true);
    if (goal.type.startsWith(PROVIDER_PREFIX)) {
      const state = {
        urn,
        type: goal.type,
        custom: true,
        id: old?.id ?? randomUUID(),
        inputs: goal.inputs,
        outputs: goal.inputs,
      };
      if (old !== undefined) journal.substitute(old, { ...old, ...state });
      return state;
    }
    return (
      old ?? {
        urn,
        type: goal.type,
        custom: goal.custom,
        inputs: goal.inputs,
        outputs: {},
        ...(goal.custom ? { id: UNKNOWN } : {}),
      }
    );
  };
}
