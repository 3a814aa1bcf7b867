/**
 * A child that outlives its parent. Who it is stands in a file beside its state, so that a successor of the parent
 * finds it again, and so that no signal ever reaches a stranger that has inherited its number.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { readJsonFile, writeJsonFile } from "../../lib/json-file.ts";
import { findProcesses, processIdentity } from "../../lib/process-identity.ts";

const recordSchema = z.strictObject({
  pid: z.int().min(2),
  identity: z.string().min(1),
  /** What it was started for; another digest asks for a restart. */
  digest: z.string(),
  /** Unix milliseconds of the signal to end, once it was given. */
  stopRequestedAt: z.number().nullable(),
});

type ProcessRecord = z.infer<typeof recordSchema>;

export interface Launch {
  readonly digest: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A process that may be ours or a predecessor's. */
export interface ManagedProcess {
  readonly record: ProcessRecord;
  /** Resolves when it has ended, or rejects with the signal's reason. */
  ended(signal?: AbortSignal): Promise<void>;
}

export interface StopOptions {
  /** From SIGTERM to SIGKILL. */
  readonly deadlineMs: number;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const POLL_MS = 200;

/** Starts it in a session of its own, its output appended to files, and writes down who it is. */
export async function startProcess(directory: string, launch: Launch): Promise<ManagedProcess> {
  const stdout = await open(join(directory, "stdout.log"), "a", 0o600);
  const stderr = await open(join(directory, "stderr.log"), "a", 0o600);
  try {
    const child = spawn(launch.file, launch.args, {
      cwd: directory,
      env: launch.env,
      detached: true,
      stdio: ["ignore", stdout.fd, stderr.fd],
    });
    const gone = new AbortController();
    child.once("exit", () => gone.abort());
    await once(child, "spawn");
    child.unref();
    const pid = child.pid ?? 0;
    const record: ProcessRecord = {
      pid,
      identity: (await processIdentity(pid)) ?? "ended",
      digest: launch.digest,
      stopRequestedAt: null,
    };
    await writeJsonFile(recordFile(directory), record);
    return { record, ended: (signal) => aborted(gone.signal, signal) };
  } finally {
    await Promise.all([stdout.close(), stderr.close()]);
  }
}

/** The living process that was recorded here or, failing that, one that a predecessor started and did not record. */
export async function adoptProcess(
  directory: string,
  orphan: OrphanMark,
): Promise<ManagedProcess | undefined> {
  const recorded = await readJsonFile(recordFile(directory), recordSchema);
  if (recorded !== undefined && (await processIdentity(recorded.pid)) === recorded.identity)
    return watched(recorded);
  const [found] = await findProcesses(orphan.variable, orphan.argument);
  if (found === undefined) return undefined;
  const record = { ...found, digest: "unknown", stopRequestedAt: null };
  await writeJsonFile(recordFile(directory), record);
  return watched(record);
}

/** What tells a child of this directory from all other processes, where no record does. */
export interface OrphanMark {
  readonly argument: string;
  readonly variable: string;
}

/** SIGTERM, unless it was given before; SIGKILL at the deadline. Resolves when the process has ended. */
export async function stopProcess(
  directory: string,
  target: ManagedProcess,
  options: StopOptions,
): Promise<void> {
  const { record } = target;
  const requestedAt = record.stopRequestedAt ?? options.now();
  if (record.stopRequestedAt === null && (await signalProcess(record, "SIGTERM"))) {
    await writeJsonFile(recordFile(directory), { ...record, stopRequestedAt: requestedAt });
  }
  const patience = new AbortController();
  // These timers also keep our own process alive: neither the child nor a wait for its end does.
  const deadline = setTimeout(
    () => patience.abort(),
    Math.max(0, requestedAt + options.deadlineMs - options.now()),
  );
  const waiting = setInterval(() => undefined, 60_000);
  try {
    await target.ended(patience.signal);
  } catch {
    await signalProcess(record, "SIGKILL");
    await target.ended();
  } finally {
    clearTimeout(deadline);
    clearInterval(waiting);
  }
}

/** Forgets a process that has ended. */
export async function forgetProcess(directory: string): Promise<void> {
  await rm(recordFile(directory), { force: true });
}

const recordFile = (directory: string) => join(directory, "process.json");

/** A process that is not our child gives no sign when it ends, so it is looked at again and again. */
function watched(record: ProcessRecord): ManagedProcess {
  return {
    record,
    async ended(signal) {
      while ((await processIdentity(record.pid)) === record.identity) {
        await delay(POLL_MS, undefined, signal === undefined ? {} : { signal });
      }
    },
  };
}

/** False when the process is gone, or when its number belongs to another one by now. */
async function signalProcess(record: ProcessRecord, signal: NodeJS.Signals): Promise<boolean> {
  if ((await processIdentity(record.pid)) !== record.identity) return false;
  try {
    return process.kill(record.pid, signal);
  } catch {
    return false;
  }
}

async function aborted(gone: AbortSignal, giveUp?: AbortSignal): Promise<void> {
  if (gone.aborted) return;
  await once(gone, "abort", giveUp === undefined ? {} : { signal: giveUp });
}
