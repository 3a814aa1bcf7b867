import { availableParallelism } from "node:os";
import { type Arguments, flag, isSet } from "../arguments.ts";
import type { Stacks } from "../backend/stacks.ts";
import type { Deployment } from "../backend/state.ts";
import { CommandFailure } from "../command-failure.ts";
import { deleteAll } from "../deployment/deletions.ts";
import { openEventLog } from "../deployment/event-log.ts";
import { Events } from "../deployment/events.ts";
import { Journal } from "../deployment/journal.ts";
import { registerKnown } from "../deployment/known-states.ts";
import { Pause } from "../deployment/pause.ts";
import { runProgram } from "../deployment/program.ts";
import { Providers } from "../deployment/providers.ts";
import { refreshAll } from "../deployment/refreshing.ts";
import { Registrations } from "../deployment/registrations.ts";
import { Run, type RunKind } from "../deployment/run.ts";
import { Slots } from "../deployment/slots.ts";
import { Targets } from "../deployment/targets.ts";
import { configOf, opened, type Project, readSettings, secretsOf, stackName } from "../project.ts";
import { type Secrets, seal } from "../secrets.ts";
import type { Json } from "../wire.ts";

/** What `--expect-no-changes` ends with where there are some. */
const CHANGES_EXIT_CODE = 7;

const KINDS: Record<string, RunKind> = {
  up: "update",
  update: "update",
  preview: "preview",
  refresh: "refresh",
  destroy: "destroy",
};

type Context = {
  readonly project: Project;
  readonly stacks: Stacks;
  readonly env: NodeJS.ProcessEnv;
  readonly cancelled: AbortSignal;
};

/** `up`, `preview`, `refresh` and `destroy`: lock, run, history. Fails with the CLI's exit codes. */
export async function operate(args: Arguments, context: Context): Promise<void> {
  const kind = KINDS[args.words[0] ?? ""];
  if (kind === undefined) throw new CommandFailure(`unknown operation ${args.words[0]}`);
  const stack = stackName(flag(args, "stack"));
  const dryRun = kind === "preview" || isSet(args, "preview-only");
  const { stacks } = context;
  if (!(await stacks.exists(stack))) throw new CommandFailure(`no stack named '${stack}' found`);
  const unlock = dryRun ? async () => {} : await stacks.lock(stack);
  try {
    await operateLocked(args, context, { kind, stack, dryRun });
  } finally {
    await unlock();
  }
}

type Subject = { readonly kind: RunKind; readonly stack: string; readonly dryRun: boolean };

async function operateLocked(
  args: Arguments,
  context: Context,
  { kind, stack, dryRun }: Subject,
): Promise<void> {
  const { project, stacks, env, cancelled } = context;
  const startedAt = Date.now();
  const settings = readSettings(project, stack, flag(args, "config-file"));
  const stored = await stacks.load(stack);
  const secrets = secretsOf(stored, settings, env);
  const config = configOf(project, settings, () => secrets);
  const journal = new Journal(
    opened(stored, secrets),
    saver(stacks, stack, secrets, dryRun),
    env["PULUMI_SKIP_CHECKPOINTS"] === "true",
  );
  const log = openEventLog(flag(args, "event-log"));
  const events = new Events({
    send: log.send,
    print: (line) => process.stdout.write(`${line}\n`),
    planning: dryRun,
  });
  const pause = new Pause(env, stack);
  const parallel = pause.isArmed ? 1 : Number(flag(args, "parallel") ?? 4 * availableParallelism());
  const providers = new Providers(() => [...journal.done, ...journal.old], {
    env,
    warn: onceEach((message) => events.diagnostic("warning", message, run.rootUrn)),
  });
  const slots = new Slots(Math.max(1, parallel), { byName: pause.isArmed });
  const run = new Run({
    kind,
    dryRun,
    project: project.name,
    stack,
    env,
    config,
    parallel,
    events,
    journal,
    providers,
    pause,
    slots,
    targets: new Targets(args.flags.get("target"), isSet(args, "target-dependents")),
    cancelled,
  });

  events.prelude(
    Object.fromEntries([...config].map(([key, { value, secret }]) => [key, secret ? "[secret]" : value])),
  );
  try {
    tellPending(run);
    await execute(run, args);
    await journal.save();
  } catch (error) {
    run.fail(run.rootUrn, error);
  }
  if (cancelled.aborted) events.diagnostic("error", `${noun(run)} canceled`, run.rootUrn);
  else if (run.failed) events.diagnostic("error", `${noun(run)} failed`, run.rootUrn);
  events.summary(startedAt);
  providers.close();
  await log.close();

  const succeeded = !run.failed && !cancelled.aborted;
  if (!dryRun) await remember(run, { args, stacks, startedAt, succeeded });
  if (!succeeded) throw new CommandFailure(`${noun(run)} ${cancelled.aborted ? "canceled" : "failed"}`);
  const changed = Object.keys(events.changes).some((op) => op !== "same" && op !== "read");
  if (isSet(args, "expect-no-changes") && changed) {
    throw new CommandFailure(
      `no changes were expected but changes ${dryRun ? "were proposed" : "occurred"}`,
      CHANGES_EXIT_CODE,
    );
  }
}

async function execute(run: Run, args: Arguments): Promise<void> {
  const { kind, journal, targets } = run.options;
  const client = flag(args, "client");
  const program = (register: Parameters<typeof runProgram>[1]["register"], finish: () => Promise<void>) => {
    if (client === undefined)
      throw new CommandFailure("the stand-in runs inline programs of the Automation API only (--client)");
    return runProgram(run, { client, register, finish });
  };
  if (kind === "refresh" || kind === "destroy") {
    if (isSet(args, "run-program")) await program(registerKnown(run), async () => {});
    if (run.isHalted) return;
    if (kind === "refresh") journal.forgetPending(isSet(args, "clear-pending-creates"));
    if (kind === "refresh" || isSet(args, "refresh")) await refreshAll(run);
    if (kind === "destroy" && !run.isHalted) await deleteAll(run, targets.among(journal.old));
    return;
  }
  if (isSet(args, "refresh")) await refreshAll(run);
  if (run.isHalted) return;
  const registrations = new Registrations(run);
  await program(
    (goal) => registrations.register(goal),
    () => deleteAll(run, targets.among(journal.old)),
  );
}

function saver(stacks: Stacks, stack: string, secrets: Secrets, dryRun: boolean) {
  return async (deployment: Deployment) => {
    if (!dryRun)
      await stacks.save(stack, seal(deployment as unknown as Json, secrets) as unknown as Deployment);
  };
}

/** What an earlier run began and nobody knows the end of is told each time, until a refresh clears it. */
function tellPending(run: Run): void {
  const { leftPending } = run.options.journal;
  if (leftPending.length === 0) return;
  const lines = leftPending.map(({ resource, type }) => `  * ${resource.urn}, interrupted while ${type}`);
  const message = `Attempting to deploy or update resources with ${leftPending.length} pending operations from previous deployment.`;
  run.options.events.diagnostic("warning", `${message}\n${lines.join("\n")}\n`, run.rootUrn || stackUrn(run));
}

/** The API server warns on each call; people are told once. */
function onceEach(tell: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (!told.has(message)) tell(message);
    told.add(message);
  };
}

function stackUrn({ options }: Run): string {
  return `urn:pulumi:${options.stack}::${options.project}::pulumi:pulumi:Stack::${options.project}-${options.stack}`;
}

function noun({ options }: Run): string {
  return options.dryRun ? "preview" : options.kind;
}

async function remember(
  run: Run,
  end: { args: Arguments; stacks: Stacks; startedAt: number; succeeded: boolean },
): Promise<void> {
  const { stack, kind, config, events } = run.options;
  await end.stacks.addHistory(stack, {
    kind,
    startTime: new Date(end.startedAt).toISOString(),
    message: flag(end.args, "message") ?? "",
    environment: { "exec.kind": flag(end.args, "exec-kind") ?? "" },
    config: Object.fromEntries(
      [...config].map(([key, { value, secret }]) => [key, { value: secret ? "[secret]" : value, secret }]),
    ),
    result: end.succeeded ? "succeeded" : "failed",
    endTime: new Date().toISOString(),
    version: (await end.stacks.historyLength(stack)) + 1,
    resourceChanges: { ...events.changes },
  });
}
