/**
 * Calls that were refused or that failed, kept until the control plane has been told, so that a tenant can look one up
 * by the decision id that its caller was given. Bounded whatever comes: of many alike the first few are kept, and all
 * beyond are counted.
 */
import {
  DECISIONS_PER_REPORT,
  type Decision,
  type DecisionReport,
  decision,
  isErrorCode,
} from "@headgate/sdk/contract";
import type { Exchange } from "../pipeline/exchange.ts";

/** Of one agent, code and policy within this time, so that what goes on for long does not push out all else. */
const ALIKE_MAX = 10;
const ALIKE_MS = 10 * 60_000;
const KINDS_MAX = 1_000;

export interface DecisionLog {
  /** `outcome`: how the call ended, in the words of its record. Other ends than errors of ours are passed over. */
  note(exchange: Exchange, outcome: string): void;
  /** What has come since the last report; undefined where nothing has. */
  take(): DecisionReport | undefined;
  /** Keeps what could not be told for the next report, as far as there is room. */
  putBack(report: DecisionReport): void;
}

export function createDecisionLog(): DecisionLog {
  let waiting: Decision[] = [];
  let leftOut = 0;
  const alike = new Map<string, number>();
  let alikeSince = 0;

  /** Whether there is room for one more of these; it is counted either way. */
  const admits = (kind: string, monotonicMs: number): boolean => {
    if (monotonicMs - alikeSince >= ALIKE_MS) {
      alike.clear();
      alikeSince = monotonicMs;
    }
    const seen = alike.get(kind) ?? 0;
    const isFull = waiting.length >= DECISIONS_PER_REPORT || (seen === 0 && alike.size >= KINDS_MAX);
    if (isFull || seen >= ALIKE_MAX) {
      leftOut += 1;
      return false;
    }
    alike.set(kind, seen + 1);
    return true;
  };

  return {
    note(exchange, outcome) {
      const { policy, principal, refusal } = exchange;
      // Before there is a policy there is no tenant to tell.
      if (policy === undefined || !isErrorCode(outcome)) return;
      if (!admits(`${principal?.agent.id}|${outcome}|${refusal?.policyId}`, exchange.receivedMono)) return;
      const told = decisionOf(exchange, outcome, policy.revision);
      // Parts of it may be the caller's words. What nobody could read must not keep the others from being told.
      if (decision.safeParse(told).success) waiting.push(told);
      else leftOut += 1;
    },
    take() {
      if (waiting.length === 0 && leftOut === 0) return undefined;
      const report = { decisions: waiting, left_out: leftOut };
      waiting = [];
      leftOut = 0;
      return report;
    },
    putBack(report) {
      const all = [...report.decisions, ...waiting];
      waiting = all.slice(0, DECISIONS_PER_REPORT);
      leftOut += report.left_out + all.length - waiting.length;
    },
  };
}

function decisionOf(exchange: Exchange, code: string, revision: number): Decision {
  const { principal, endpoint, call, refusal } = exchange;
  return {
    decision_id: exchange.decisionId,
    request_id: exchange.requestId,
    at: Math.max(0, exchange.receivedWall),
    code,
    status: exchange.statusSent,
    revision,
    ...(principal !== undefined && { agent_id: principal.agent.id, key_id: principal.credential.key_id }),
    ...(endpoint !== undefined && { endpoint: endpoint.name }),
    ...(call?.name !== undefined && { called: call.name }),
    ...(refusal?.policyId !== undefined && { policy_id: refusal.policyId }),
    ...(refusal?.parameter !== undefined && { parameter: refusal.parameter }),
    ...(refusal?.facts !== undefined && { facts: refusal.facts }),
  };
}
