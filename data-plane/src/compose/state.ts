/** What a data plane keeps on disk: its directory, the usage spool in it, and what others have left behind. */
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { LocalBudgets } from "../limits/budgets.ts";
import type { ClaimTiming } from "../storage/claim-timing.ts";
import type { ClaimDeps } from "../storage/hold-claim.ts";
import {
  ownStateDirectory,
  type StateDirectory,
  takeStateDirectory,
} from "../storage/open-state-directory.ts";
import { type OrphanRecovery, recoverOrphans } from "../storage/recover-orphans.ts";
import { holdsWhatWasSetAside } from "../storage/ship-left-over.ts";
import type { SendBatch } from "../usage/report/reporter.ts";
import { openSpool, type Spool } from "../usage/spool/spool.ts";
import type { Surroundings } from "./surroundings.ts";

export interface State {
  readonly directory: StateDirectory;
  readonly spool: Spool;
  /** Resolves when another process has taken over what is kept here: nothing more can be recorded, or billed. */
  readonly lost: Promise<void>;
  /** Ends all writing, and lets go of the directory. */
  close(): Promise<void>;
  /** Begins to ship what dead replicas have left, and what a step back has set aside. */
  recoverOrphans(send: SendBatch): OrphanRecovery;
}

export interface StateOptions extends Surroundings {
  readonly config: Pick<Config, "state" | "spoolBytesMax">;
  readonly budgets: LocalBudgets;
  readonly claimTiming: ClaimTiming;
}

/** Rejects when the directory cannot be used. */
export async function openState({ config, budgets, claimTiming, ...around }: StateOptions): Promise<State> {
  const { clock, log, newId, contract } = around;
  const claims: ClaimDeps = {
    root: config.state.kind === "shared" ? config.state.root : "",
    clock,
    timing: claimTiming,
    newInstanceId: () => newId("instance"),
    onFault: (err) => log.error({ err }, "a state directory has a fault"),
  };
  const directory =
    config.state.kind === "own"
      ? ownStateDirectory(config.state.directory, log)
      : await takeStateDirectory({ ...claims, log });
  void directory.lost.then(() => log.error({}, "another process has taken over the state directory"));
  const spoolOptions = {
    bytesMax: config.spoolBytesMax,
    contract,
    newStreamId: () => newId("stream"),
    keepsCounter: budgets.keeps,
  };
  const spool = await openSpool({
    ...spoolOptions,
    directory: join(directory.path, "spool"),
    disk: directory.disk,
    restore: budgets.restore,
    others: budgets,
    onFault: (err) => log.error({ err }, "the usage spool has a fault"),
  });
  // Somebody else may take it while nothing is written here.
  const watching = setInterval(spool.checkOwner, claimTiming.renewMs);
  watching.unref();
  return {
    directory,
    spool,
    lost: Promise.race([directory.lost, spool.lost]),
    async close() {
      clearInterval(watching);
      await spool.close();
      const nothingWaits =
        spool.ackedSeq === spool.headSeq && !holdsWhatWasSetAside(join(directory.path, "spool"));
      directory.release(nothingWaits);
    },
    recoverOrphans: (send) =>
      recoverOrphans({
        ...around,
        ...claims,
        own: directory,
        shared: config.state.kind === "shared",
        spool: spoolOptions,
        send,
      }),
  };
}
