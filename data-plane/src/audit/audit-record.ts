/**
 * The one record that each request leaves: who asked for what, what was decided and why, what was tried, what was
 * used. It holds ids and figures, never content, never a credential.
 */
import type { Exchange } from "../pipeline/exchange.ts";

export function auditRecord(
  exchange: Exchange,
  durationMs: number,
  outcome: string,
  traceId: string | undefined,
) {
  const { policy, agent, protocol, model, refusal, limitStatus, attempts } = exchange;
  return {
    event: "call",
    time: exchange.receivedWall,
    request_id: exchange.requestId,
    decision_id: exchange.decisionId,
    decision: refusal === undefined ? "allow" : "deny",
    outcome,
    status: exchange.statusSent,
    duration_ms: Math.round(durationMs * 1_000) / 1_000,
    tenant_id: policy?.tenantId,
    revision: policy?.revision,
    agent_id: agent?.id,
    key_id: exchange.keyId,
    endpoint: protocol?.endpoint,
    model: model?.model.name,
    stream: exchange.parameters?.stream,
    policy_id: refusal?.policyId,
    parameter: refusal?.parameter,
    facts: refusal?.facts,
    limits: limitStatus.length === 0 ? undefined : limitStatus,
    first_token_ms: exchange.firstTokenMs === undefined ? undefined : Math.round(exchange.firstTokenMs),
    retry_count: exchange.head.retryCount?.slice(0, 8),
    trace_id: traceId,
    attempts:
      attempts.length === 0
        ? undefined
        : attempts.map(({ opened, target, result }) => ({
            attempt_id: opened.attempt_id,
            provider: target.provider.name,
            upstream_model: opened.upstream_model,
            outcome: result?.outcome,
            http_status: result?.http_status,
            duration_ms: result?.duration_ms,
            usage: result?.usage,
            accuracy: result?.accuracy,
          })),
  };
}
