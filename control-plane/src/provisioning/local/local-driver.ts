/**
 * Data planes as child processes on this machine, one directory each. A child is started in its own session with its
 * output in files, so it outlives the control plane; the next control plane finds it by what is written there.
 */
import { chmod, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PLANS, type PlanNumbers, planNumbers } from "@headgate/infra";
import { type Id, isId } from "@headgate/sdk/contract";
import type { Observation } from "../../data-planes/status.ts";
import { sha256Hex } from "../../lib/canonical-json.ts";
import type { Clock } from "../../lib/clock.ts";
import { ABSENT, type DesiredDataPlane, type ObservedDataPlane, type Provisioner } from "../provisioner.ts";
import { type ChildSettings, childCommand, stateDirectory, tokenFile } from "./child-command.ts";
import { type Ports, portsFile, portsFor, readPorts, settlePorts } from "./ports.ts";
import { rotateLog } from "./rotate-log.ts";
import { createSupervisor, type RestartTiming, type Supervisor, type Wanted } from "./supervisor.ts";

export type ChildEvent = "started" | "adopted" | "ended" | "stopped" | "failed";

export interface LocalDriverOptions extends ChildSettings {
  /** Holds a directory for each data plane. */
  readonly directory: string;
  readonly clock: Clock;
  readonly timing?: RestartTiming;
  /** Added to a plan's drain time before SIGKILL. */
  readonly stopGraceMs?: number;
  readonly onEvent?: (id: Id<"dataPlane">, event: ChildEvent, detail: string) => void;
}

const RESTART_TIMING: RestartTiming = { firstMs: 200, maxMs: 10_000, healthyMs: 60_000 };
const READY_TIMEOUT_MS = 1_000;

/** For children whose plan is not known. */
const LONGEST_DRAIN = Object.values<PlanNumbers>(PLANS).reduce((a, b) =>
  a.replica.drainSeconds >= b.replica.drainSeconds ? a : b,
);

interface Child {
  readonly directory: string;
  readonly supervisor: Supervisor;
  numbers: PlanNumbers;
  /** It was asked to end for good. */
  leaving: boolean;
}

export function createLocalDriver(options: LocalDriverOptions) {
  const children = new Map<Id<"dataPlane">, Child>();
  // Starts take turns, so that no two data planes are given one port.
  let portTurn: Promise<unknown> = Promise.resolve();

  const directoryOf = (id: Id<"dataPlane">): string => {
    // The id becomes a path.
    if (!isId("dataPlane", id)) throw new TypeError("not a data plane's id");
    return join(options.directory, id);
  };

  function childOf(id: Id<"dataPlane">, numbers: PlanNumbers): Child {
    const known = children.get(id);
    if (known !== undefined) {
      known.numbers = numbers;
      return known;
    }
    const directory = directoryOf(id);
    const supervisor = createSupervisor({
      directory,
      orphan: { argument: options.entry, variable: `HEADGATE_STATE_DIR=${stateDirectory(directory)}` },
      timing: options.timing ?? RESTART_TIMING,
      clock: options.clock,
      stopDeadlineMs: () => child.numbers.replica.drainSeconds * 1_000 + (options.stopGraceMs ?? 2_000),
      onChange: (event, detail) => options.onEvent?.(id, event, detail),
    });
    const child: Child = { directory, supervisor, numbers, leaving: false };
    children.set(id, child);
    return child;
  }

  /** Without the ports: they are chosen when the process starts. */
  function wantedFor(child: Child): Wanted {
    const { file, args, env } = childCommand(child.directory, child.numbers, options);
    // The shell that the control plane was started from is no reason to restart a data plane.
    const { PATH: _path, HOME: _home, ...lasting } = env;
    const digest = sha256Hex(JSON.stringify([file, args, lasting]));
    return {
      digest,
      async launch() {
        const ports = await takePorts(child.directory);
        const all = {
          ...env,
          HEADGATE_PORT: String(ports.port),
          HEADGATE_ADMIN_PORT: String(ports.adminPort),
        };
        return { digest, file, args, env: all };
      },
    };
  }

  function takePorts(directory: string): Promise<Ports> {
    const turn = portTurn.then(async () =>
      portsFor(directory, await portsOfOthers(options.directory, directory)),
    );
    portTurn = turn.catch(() => undefined);
    return turn;
  }

  async function look(child: Child): Promise<Observation> {
    const { supervisor, directory, numbers } = child;
    const ports = await readPorts(directory);
    const adminUrl = ports === undefined ? null : `http://127.0.0.1:${ports.adminPort}`;
    const { answers, ready } =
      supervisor.phase === "running" && adminUrl !== null ? await askReadiness(adminUrl) : SILENT;
    if (answers && ports !== undefined) await settlePorts(directory, ports);
    for (const log of ["stdout.log", "stderr.log"])
      await rotateLog(join(directory, log), numbers.replica.logBytesMax);
    return {
      phase: supervisor.phase,
      ready,
      current: true,
      endpointUrl: ports === undefined ? null : `http://127.0.0.1:${ports.port}`,
      adminUrl,
      restarts: supervisor.restarts,
      message: supervisor.phase === "restarting" ? "the process ended unasked; see its log" : "",
    };
  }

  return {
    driver: "local",
    wantsToken: true,
    lookAgainMs: 5_000,
    lookSoonMs: 150,

    async provision(desired: DesiredDataPlane): Promise<Observation> {
      const child = childOf(desired.id, planNumbers(desired.plan));
      await mkdir(stateDirectory(child.directory), { recursive: true, mode: 0o700 });
      await placeToken(child.directory, desired.joinToken);
      child.leaving = false;
      await child.supervisor.want(wantedFor(child));
      return look(child);
    },

    async observe({ id }: { id: Id<"dataPlane"> }): Promise<Observation> {
      const child = children.get(id);
      return child === undefined ? ABSENT : look(child);
    },

    async destroy({ id, plan }: ObservedDataPlane): Promise<Observation> {
      const directory = directoryOf(id);
      if (!(await exists(directory))) return ABSENT;
      const child = childOf(id, planNumbers(plan));
      if (!child.leaving) child.supervisor.stop();
      child.leaving = true;
      if (child.supervisor.phase !== "absent") return look(child);
      children.delete(id);
      for (const file of [tokenFile(directory), portsFile(directory)]) await rm(file, { force: true });
      return ABSENT;
    },

    isWorking: () => false,

    async close({ drain }: { drain: boolean }): Promise<readonly Id<"dataPlane">[]> {
      if (drain) {
        for (const id of await launchedIn(options.directory))
          if (!children.has(id)) childOf(id, LONGEST_DRAIN);
      }
      const all = [...children];
      const supervisors = all.map(([, { supervisor }]) => supervisor);
      if (drain) {
        // Stopping a child that was not looked at yet adopts it first.
        for (const supervisor of supervisors) supervisor.stop();
        await Promise.all(supervisors.map(({ idle }) => idle));
      }
      for (const supervisor of supervisors) supervisor.release();
      children.clear();
      return drain ? all.map(([id]) => id) : [];
    },
  } satisfies Provisioner;
}

/** By file, because arguments and environments can be read by others and stay with the process. */
async function placeToken(directory: string, token: string | null): Promise<void> {
  const path = tokenFile(directory);
  if (token === null) return rm(path, { force: true });
  await writeFile(path, token, { mode: 0o600 });
  await chmod(path, 0o600);
}

const SILENT = { answers: false, ready: false };

async function askReadiness(adminUrl: string): Promise<typeof SILENT> {
  try {
    const answer = await fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
    await answer.body?.cancel();
    return { answers: true, ready: answer.status === 200 };
  } catch {
    return SILENT;
  }
}

/** The data planes that may have a process: ports are chosen before one is started, and given back when it is removed. */
async function launchedIn(root: string): Promise<Id<"dataPlane">[]> {
  const names = await readdir(root).catch((): string[] => []);
  const ids = names.filter((name): name is Id<"dataPlane"> => isId("dataPlane", name));
  const launched = await Promise.all(ids.map((id) => exists(portsFile(join(root, id)))));
  return ids.filter((_, index) => launched[index]);
}

async function portsOfOthers(root: string, directory: string): Promise<Set<number>> {
  const taken = new Set<number>();
  for (const name of await readdir(root)) {
    const other = join(root, name);
    const ports = other === directory ? undefined : await readPorts(other);
    if (ports !== undefined) taken.add(ports.port).add(ports.adminPort);
  }
  return taken;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
