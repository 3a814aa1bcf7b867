/** One operation on one stack, step by step, through the Automation API. */
import { tenantProgram } from "@headgate/infra/tenant";
import type { EngineEvent, Stack } from "@pulumi/pulumi/automation/index.js";
import { takenAway } from "../decide/protected-kinds.ts";
import { createEventReader, type EventReader } from "./engine-events.ts";
import { openStack } from "./open-stack.ts";
import type { EngineMessage, OperationJob, OperationResult } from "./operation-job.ts";
import type { Redact } from "./redact.ts";

export interface OperationSurroundings {
  readonly redact: Redact;
  readonly say: (message: EngineMessage) => void;
  /** Asks the engine to end after the step it is in. */
  readonly signal: AbortSignal;
}

/** What is known so far, so that a failure can be told with it. */
interface Progress {
  changes: Record<string, number>;
  planned: Record<string, number> | null;
  outputs: Record<string, unknown> | null;
  drift: OperationResult["drift"];
}

/** Never throws: a failure is a result. */
export async function executeOperation(
  job: OperationJob,
  surroundings: OperationSurroundings,
): Promise<OperationResult> {
  const { redact } = surroundings;
  const errors: string[] = [];
  const say = (message: EngineMessage) => {
    const { severity, resource, message: text } = message.payload;
    if (severity === "error") errors.push(resource === undefined ? String(text) : `${resource}: ${text}`);
    surroundings.say(message);
  };
  const progress: Progress = { changes: {}, planned: null, outputs: null, drift: null };
  try {
    await execute(job, { ...surroundings, say }, progress);
    return { ok: true, ...progress, errorName: null, message: "" };
  } catch (error) {
    const text = errors.length > 0 ? errors.join("\n") : textOf(error);
    return {
      ok: false,
      ...progress,
      errorName: nameOf(error),
      message: redact(text).slice(0, TEXT_CHARS_MAX),
    };
  }
}

const TEXT_CHARS_MAX = 2_000;

async function execute(job: OperationJob, around: OperationSurroundings, progress: Progress): Promise<void> {
  const { spec, kubeconfig, recover, mode } = job;
  const program = tenantProgram(spec, { kubeconfig, upsertExistingObjects: recover });
  const removing = mode === "drain" || mode === "destroy";
  const stack = await openStack(job, program, { make: !removing });
  // What is not there is removed.
  if (stack === undefined) return;
  if (recover) await clearTraces(stack, around, { removing });
  switch (mode) {
    case "up":
      return bringAbout(stack, job, around, progress);
    case "preview":
    case "drift":
      return lookAhead(stack, job, around, progress);
    case "drain":
      return endReplicas(stack, around, progress);
    case "destroy":
      return removeAll(stack, around, progress);
  }
}

/** The lock of a process that is gone, and its steps that nobody knows the end of. The caller has made sure that it is gone. */
async function clearTraces(
  stack: Stack,
  around: OperationSurroundings,
  { removing }: { removing: boolean },
): Promise<void> {
  around.signal.throwIfAborted();
  started(around, "cancel");
  await stack.cancel().catch((error: unknown) => {
    // There is nothing to cancel where the lock was never taken, or was given back.
    if (!/no (current )?update|not (been )?(found|locked)|no lock|never been updated/i.test(textOf(error)))
      throw error;
  });
  const { pending_operations: pending } = await stateOf(stack);
  await runEngine(around, "refresh", (options) => stack.refresh({ ...options, clearPendingCreates: true }));
  const target = (pending ?? [])
    .filter(({ type, resource }) => type === "creating" && resource.type === NAMESPACE)
    .map(({ resource }) => resource.urn);
  // A namespace that may be there and is not in the state would be left behind: it is taken into the state first.
  if (!removing || target.length === 0) return;
  await runEngine(around, "up", (options) => stack.up({ ...options, target }));
}

const NAMESPACE = "kubernetes:core/v1:Namespace";

/** Of an exported state, what is read here. */
interface State {
  readonly resources?:
    | readonly { urn: string; type: string; inputs?: { metadata?: { name?: unknown } } }[]
    | null;
  readonly pending_operations?: readonly { type: string; resource: { urn: string; type: string } }[] | null;
}

async function stateOf(stack: Stack): Promise<State> {
  const { deployment } = await stack.exportStack();
  return (deployment ?? {}) as State;
}

async function bringAbout(
  stack: Stack,
  { guard, refresh }: OperationJob,
  around: OperationSurroundings,
  progress: Progress,
): Promise<void> {
  if (guard) {
    const reader = await runEngine(around, "preview", (options) => stack.preview({ ...options, refresh }));
    progress.planned = reader.changes();
    const taken = takenAway(reader.steps);
    if (taken.length > 0) throw new PlanRefused(`the plan would replace or delete ${taken.join(", ")}`);
  }
  let outputs: Record<string, { value: unknown; secret: boolean }> = {};
  const reader = await runEngine(around, "up", async (options) => {
    ({ outputs } = await stack.up({ ...options, refresh }));
  });
  progress.changes = reader.changes();
  const open = Object.entries(outputs).filter(([, { secret }]) => !secret);
  progress.outputs = Object.fromEntries(open.map(([name, { value }]) => [name, value]));
}

async function lookAhead(
  stack: Stack,
  { mode, refresh }: OperationJob,
  around: OperationSurroundings,
  progress: Progress,
): Promise<void> {
  const drifting = mode === "drift";
  const reader = await runEngine(around, "preview", (options) =>
    stack.preview({ ...options, refresh: refresh || drifting }),
  );
  progress.planned = reader.changes();
  if (!drifting) return;
  progress.drift = reader.steps
    .slice(0, 200)
    .map(({ resource, op }) => ({ resource: resource.slice(0, 400), change: op.slice(0, 64) }));
}

const WORKLOAD = { type: "kubernetes:apps/v1:Deployment", name: "data-plane" } as const;

/** Their pods get the signal to end, and are waited for; nothing else is taken from under them. */
async function endReplicas(stack: Stack, around: OperationSurroundings, progress: Progress): Promise<void> {
  const { resources } = await stateOf(stack);
  const target = (resources ?? [])
    .filter(({ type, inputs }) => type === WORKLOAD.type && inputs?.metadata?.name === WORKLOAD.name)
    .map(({ urn }) => urn);
  if (target.length === 0) return;
  const reader = await runEngine(around, "destroy", (options) =>
    stack.destroy({ ...options, target, targetDependents: true }),
  );
  progress.changes = reader.changes();
}

/** The engine waits until the namespace itself is gone; only then is the stack forgotten. */
async function removeAll(stack: Stack, around: OperationSurroundings, progress: Progress): Promise<void> {
  const reader = await runEngine(around, "destroy", (options) => stack.destroy(options));
  progress.changes = reader.changes();
  around.signal.throwIfAborted();
  const { resources } = await stateOf(stack);
  // The stack itself may stand in its own list.
  const left = (resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack");
  if (left.length > 0) throw new Error(`${left.length} resources are still in the state`);
  await stack.workspace.removeStack(stack.name);
}

interface RunOptions {
  readonly onEvent: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
  readonly color: "never";
}

/** Runs the engine once. An engine that was asked to end has failed, whatever it says. */
async function runEngine(
  { redact, say, signal }: OperationSurroundings,
  stage: string,
  engine: (options: RunOptions) => Promise<unknown>,
): Promise<EventReader> {
  signal.throwIfAborted();
  started({ say }, stage);
  const reader = createEventReader(redact);
  const onEvent = (event: EngineEvent) => {
    const message = reader.read(event);
    if (message !== undefined) say(message);
  };
  try {
    await engine({ onEvent, signal, color: "never" });
  } finally {
    say({ type: "ended", payload: { stage, changes: reader.changes() } });
  }
  signal.throwIfAborted();
  return reader;
}

function started({ say }: Pick<OperationSurroundings, "say">, stage: string): void {
  say({ type: "started", payload: { stage } });
}

class PlanRefused extends Error {
  override readonly name = "PlanRefused";
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name.slice(0, 100) : "unknown");

/** Of a failed command what it wrote to standard error, without the command line. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split("\n").map((line) => line.trim());
  const errors = lines.filter((line) => line.startsWith("error:"));
  return (errors.length > 0 ? errors : lines.filter((line) => line !== "")).join("\n");
}
