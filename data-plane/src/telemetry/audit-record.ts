/**
 * The one record that each request leaves: who asked for what, what was decided and why, what was tried, what was
 * used. It holds ids and figures, never content, never a credential. It is put together by hand because every call
 * pays for it: all texts in it are ids, codes and names of a checked form, and what a caller chose is escaped.
 */
import type { Attempt, Exchange } from "../pipeline/exchange.ts";
import type { ToldCall } from "../protocols/call.ts";

export interface CallEnd {
  readonly durationMs: number;
  /** `success`, a denial or failure code, or how else the call ended. */
  readonly outcome: string;
  readonly traceId: string | undefined;
}

/** The record as one line of JSON, without the line feed. */
export function auditLine(exchange: Exchange, { durationMs, outcome, traceId }: CallEnd): string {
  const { policy, principal, endpoint, call, refusal, limitStatus, attempts } = exchange;
  let line =
    `{"event":"call","time":${exchange.receivedWall},"request_id":"${exchange.requestId}",` +
    `"decision_id":"${exchange.decisionId}","decision":"${refusal === undefined ? "allow" : "deny"}",` +
    `"outcome":"${outcome}","status":${exchange.statusSent},"duration_ms":${durationMs.toFixed(3)}`;
  if (policy !== undefined) line += `,"tenant_id":"${policy.tenantId}","revision":${policy.revision}`;
  if (principal !== undefined) {
    line += `,"agent_id":"${principal.agent.id}","key_id":"${principal.credential.key_id}"`;
  }
  if (endpoint !== undefined) line += `,"endpoint":"${endpoint.name}"`;
  if (call !== undefined) line += `${call.recordMembers()},"stream":${call.stream}`;
  if (refusal?.policyId !== undefined) line += `,"policy_id":"${refusal.policyId}"`;
  if (refusal?.parameter !== undefined) line += `,"parameter":${JSON.stringify(refusal.parameter)}`;
  if (refusal?.facts !== undefined) line += `,"facts":${JSON.stringify(refusal.facts)}`;
  if (limitStatus.length > 0) line += `,"limits":[${limitStatus.map(limitItem).join(",")}]`;
  if (exchange.firstTokenMs !== undefined) line += `,"first_token_ms":${Math.round(exchange.firstTokenMs)}`;
  const { retryCount } = exchange.head;
  if (retryCount !== undefined) line += `,"retry_count":${JSON.stringify(retryCount.slice(0, 8))}`;
  if (traceId !== undefined) line += `,"trace_id":"${traceId}"`;
  if (call !== undefined && attempts.length > 0) {
    line += `,"attempts":[${attempts.map((attempt) => attemptItem(attempt, call)).join(",")}]`;
  }
  return `${line}}`;
}

function limitItem({ metric, max, remaining }: Exchange["limitStatus"][number]): string {
  return `{"metric":"${metric}","max":${max},"remaining":${remaining}}`;
}

function attemptItem({ opened, target, result }: Attempt, call: ToldCall): string {
  const item = `{"attempt_id":"${opened.attempt_id}","provider":"${target.provider.name}"${call.attemptMembers(target)}`;
  if (result === undefined) return `${item}}`;
  return (
    `${item},"outcome":"${result.outcome}","http_status":${result.http_status},"duration_ms":${result.duration_ms},` +
    `"usage":${JSON.stringify(result.usage)},"accuracy":"${result.accuracy}"}`
  );
}
