/**
 * Sends the call to its targets in order until one answers. Another target is tried only while nothing has been sent
 * to the agent. Each attempt is opened in the usage record before its first byte goes out.
 */
import type { CallOutcome } from "@headgate/sdk/contract";
import { classifyAnswer, type Verdict } from "../pipeline/classify-answer.ts";
import type { Attempt, Exchange, Refusal } from "../pipeline/exchange.ts";
import type { Gateway, Stage } from "../pipeline/stage.ts";
import { createStreamSink } from "../pipeline/stream-sink.ts";
import { upstreamHeaders } from "../pipeline/upstream-headers.ts";
import { usageLabels } from "../pipeline/usage-labels.ts";
import type { CompiledTarget } from "../policy/compiled-policy.ts";
import { fillInUsage } from "../protocols/llm/metering.ts";
import { upstreamBody } from "../protocols/llm/upstream-body.ts";
import { type AttemptEnd, startAttempt, type Attempt as UpstreamCall } from "../upstream/attempt.ts";
import type { BreakerPass } from "../upstream/breakers.ts";
import type { AttemptOpened, AttemptResult } from "../usage/usage-recorder.ts";

export const forward: Stage = {
  name: "forward",
  async run(exchange, gateway): Promise<Refusal | undefined> {
    const { route } = exchange;
    if (route === undefined) throw new Error("a call is forwarded after its target is selected");
    for (const target of exchange.candidates) {
      if (exchange.attempts.length >= route.attemptsMax || exchange.clientGone) break;
      const pass = gateway.breakers.begin(target.id, gateway.clock.monotonicMs());
      if (pass === undefined) continue;
      let verdict: Verdict;
      try {
        const opened = openAttempt(exchange, target, gateway);
        if ((await gateway.recorder.open(opened)) === "refused") {
          return { code: "gateway.usage_unavailable", retryAfterMs: 5_000 };
        }
        const startedMono = gateway.clock.monotonicMs();
        const attempt: Attempt = { opened, target, startedMono, result: undefined };
        exchange.attempts.push(attempt);
        verdict = await tryTarget({ exchange, attempt, pass, gateway });
        judge({ exchange, verdict, pass, gateway });
      } finally {
        // Whatever happened, a trial that told nothing leaves room for the next.
        pass.release();
      }
      if (verdict.kind !== "failed") return undefined;
      gateway.metrics.failedAttempt(target.provider.name, verdict.code);
    }
    if (exchange.attempts.length === 0 && !exchange.clientGone) {
      return { code: "upstream.unavailable", retryAfterMs: 1_000 };
    }
    return undefined;
  },
};

function openAttempt(exchange: Exchange, target: CompiledTarget, { newId, clock }: Gateway): AttemptOpened {
  const { agent, keyId, protocol, model, route, policy, parameters } = exchange;
  if (!agent || !keyId || !protocol || !model || !route || !policy)
    throw new Error("forwarded without identity");
  return {
    request_id: exchange.requestId,
    attempt_id: newId("attempt"),
    attempt: exchange.attempts.length + 1,
    decision_id: exchange.decisionId,
    agent_id: agent.id,
    key_id: keyId,
    labels: usageLabels(agent),
    endpoint: protocol.endpoint,
    stream: parameters?.stream ?? false,
    route_id: route.id,
    target_id: target.id,
    provider_id: target.provider.id,
    vendor: target.provider.vendor,
    model: model.model.name,
    upstream_model: target.upstreamModel,
    started_at: clock.wallMs(),
    revision: policy.revision,
  };
}

interface Trial {
  readonly exchange: Exchange;
  readonly attempt: Attempt;
  readonly pass: BreakerPass;
  readonly gateway: Gateway;
}

async function tryTarget({ exchange, attempt, pass, gateway }: Trial): Promise<Verdict> {
  const { protocol, parameters } = exchange;
  if (protocol === undefined) throw new Error("forwarded without a protocol");
  const { target } = attempt;
  const call = startAttempt({
    pool: gateway.pools.poolFor(target),
    path: target.provider.pathPrefix + protocol.upstreamPath,
    headers: upstreamHeaders(exchange, attempt),
    body: upstreamBody(exchange, target.upstreamModel),
    timeouts: target.timeouts,
    clock: gateway.clock,
    stream:
      parameters?.stream === true && protocol.stream !== undefined
        ? {
            events: protocol.stream,
            dropUsage: protocol.stream.usageOnDemand && !parameters.usageAsked,
            sink: createStreamSink(exchange, { gateway, onFirstBytes: pass.succeed }),
          }
        : undefined,
  });
  exchange.onClientGone = () => call.cancel();
  if (exchange.clientGone) call.cancel();
  const end = await call.end;
  exchange.onClientGone = undefined;
  const firstContentMs = call.firstContentMs();
  if (firstContentMs !== undefined) {
    exchange.firstTokenMs = attempt.startedMono - exchange.receivedMono + firstContentMs;
  }
  const verdict = classifyAnswer(end, exchange);
  complete({
    exchange,
    attempt,
    call,
    end,
    verdict,
    nowMs: gateway.clock.monotonicMs(),
  });
  return verdict;
}

const NOTHING_USED: AttemptResult["usage"] = {};

interface Completion {
  exchange: Exchange;
  attempt: Attempt;
  call: UpstreamCall;
  end: AttemptEnd;
  verdict: Verdict;
  nowMs: number;
}

function complete({ exchange, attempt, call, end, verdict, nowMs }: Completion): void {
  const result: AttemptResult = {
    outcome: outcomeOf(end, verdict),
    http_status: "status" in end ? end.status : 0,
    duration_ms: Math.max(0, Math.round(nowMs - attempt.startedMono)),
    usage: NOTHING_USED,
    accuracy: "none",
  };
  const firstContentMs = call.firstContentMs();
  if (firstContentMs !== undefined) result.first_token_ms = Math.round(firstContentMs);
  fillInUsage(result, { exchange, call, end, passed: verdict.kind === "answered" });
  attempt.result = result;
}

function outcomeOf(end: AttemptEnd, verdict: Verdict): CallOutcome {
  switch (end.kind) {
    case "answered":
      return end.status < 300 && verdict.kind === "answered" ? "success" : "upstream_error";
    case "streamed":
      return end.failed ? "upstream_error" : "success";
    case "broken":
      return "stream_broken";
    case "timeout":
      return "upstream_timeout";
    case "unreachable":
      return "upstream_unreachable";
    case "unusable":
      return "upstream_error";
    case "cancelled":
      return "client_aborted";
  }
}

interface Judgement {
  readonly exchange: Exchange;
  readonly verdict: Verdict;
  readonly pass: BreakerPass;
  readonly gateway: Gateway;
}

/** Tells the breaker, and puts the answer or the failure where later stages look. */
function judge({ exchange, verdict, pass, gateway }: Judgement): void {
  const nowMs = gateway.clock.monotonicMs();
  const settings = exchange.route?.breaker;
  switch (verdict.kind) {
    case "answered":
      pass.succeed();
      exchange.failure = undefined;
      exchange.answer = verdict.answer;
      return;
    case "cancelled":
      // Or it is there and has stopped reading, which comes to the same.
      exchange.clientGone = true;
      return;
    case "broken":
      if (settings !== undefined) pass.fail(settings, nowMs);
      exchange.failure = { code: verdict.code, reported: verdict.reported };
      return;
    case "failed":
      if (settings !== undefined) pass.fail(settings, nowMs, verdict.retryAfterMs);
      exchange.failure = { code: verdict.code, retryAfterMs: verdict.retryAfterMs };
  }
}
