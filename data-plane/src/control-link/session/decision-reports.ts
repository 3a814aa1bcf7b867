/**
 * Tells the control plane, with each heartbeat, of the calls that were refused or failed. Nobody's bill or limit depends
 * on it, so what cannot be told in time is counted and forgotten, and nothing of it is kept on disk.
 */
import { type Contract, DATA_PLANE_API, HEARTBEAT_INTERVAL_MS } from "@headgate/sdk/contract";
import type { Logger } from "../../lib/logger.ts";
import type { DecisionLog } from "../../telemetry/decision-log.ts";
import { posting } from "../control-client.ts";
import { createOutageLog } from "../outage-log.ts";
import type { Credentials } from "./credential.ts";

export interface DecisionReportDeps {
  readonly credentials: Pick<Credentials, "authorisedFetch">;
  readonly contract: Contract;
  readonly decisions: Pick<DecisionLog, "take" | "putBack">;
  readonly logger: Logger;
}

/** Gives what tells of all that waits. It never rejects; while one report is under way there is no other. */
export function createDecisionReports(deps: DecisionReportDeps): () => Promise<void> {
  const { credentials, contract, decisions, logger } = deps;
  const outage = createOutageLog(logger, "the report of decisions");
  let running: Promise<void> | undefined;

  const tell = async (): Promise<void> => {
    const report = decisions.take();
    if (report === undefined) return;
    try {
      const { status } = await credentials.authorisedFetch({
        ...posting(DATA_PLANE_API.decisions, contract.decisionReport, () => report),
        timeoutMs: HEARTBEAT_INTERVAL_MS,
      });
      if (status === 200) outage.ok();
      // An older control plane knows no such reports, and what is refused once is refused for ever.
      else if (REFUSALS.has(status)) outage.failed(new Error(`it was refused with status ${status}`));
      else throw new Error(`it was answered with status ${status}`);
    } catch (cause) {
      decisions.putBack(report);
      outage.failed(cause);
    }
  };
  return () => {
    running ??= tell().finally(() => {
      running = undefined;
    });
    return running;
  };
}

const REFUSALS: ReadonlySet<number> = new Set([400, 404, 413]);
