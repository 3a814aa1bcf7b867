/**
 * Sends the call to its targets in order until one answers. Another target is tried only while nothing has been sent
 * to the agent. Each attempt is opened in the usage record before its first byte goes out.
 */
import type { CallOutcome } from "@headgate/sdk/contract";
import type { Attempt, Exchange, Refusal } from "../pipeline/exchange.ts";
import type { Gateway, Stage } from "../pipeline/stage.ts";
import { upstreamHeaders } from "../pipeline/upstream-headers.ts";
import { usageLabels } from "../pipeline/usage-labels.ts";
import type { CompiledTarget } from "../policy/compiled-policy.ts";
import { fillInUsage } from "../protocols/llm/metering.ts";
import type { EventMeter } from "../protocols/llm/streams/event-meter.ts";
import { openEventStream } from "../protocols/llm/streams/event-stream.ts";
import { upstreamBody } from "../protocols/llm/upstream-body.ts";
import { ResponseSink } from "../server/stream-sink.ts";
import type { BreakerPass } from "../upstream/breakers.ts";
import { classifyAnswer, type Verdict } from "../upstream/classify-answer.ts";
import type { AttemptEnd, AttemptRequest, RunningAttempt } from "../upstream/dispatch.ts";
import { startStreamedAnswer } from "../upstream/streamed-answer.ts";
import { startWholeAnswer } from "../upstream/whole-answer.ts";
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
  const { clock } = gateway;
  const request: AttemptRequest = {
    pool: gateway.pools.poolFor(target),
    path: target.provider.pathPrefix + protocol.upstreamPath,
    headers: upstreamHeaders(exchange, attempt),
    body: upstreamBody(exchange, target.upstreamModel),
    timeouts: target.timeouts,
    clock,
  };
  let call: RunningAttempt;
  let meter: EventMeter | undefined;
  if (parameters?.stream === true && protocol.stream !== undefined) {
    const steps = openEventStream(protocol.stream, parameters.usageAsked, clock);
    meter = steps.meter;
    call = startStreamedAnswer(request, steps, new ResponseSink(exchange, gateway.load, pass));
  } else call = startWholeAnswer(request);
  exchange.running = call;
  if (exchange.clientGone) call.cancel();
  const end = await call.end;
  exchange.running = undefined;
  const verdict = classifyAnswer(end, meter === undefined ? "json" : "stream");
  complete({ exchange, attempt, call, meter, end, verdict, nowMs: clock.monotonicMs() });
  return verdict;
}

const NOTHING_USED: AttemptResult["usage"] = {};

interface Completion {
  exchange: Exchange;
  attempt: Attempt;
  call: RunningAttempt;
  meter: EventMeter | undefined;
  end: AttemptEnd;
  verdict: Verdict;
  nowMs: number;
}

function complete({ exchange, attempt, call, meter, end, verdict, nowMs }: Completion): void {
  const result: AttemptResult = {
    outcome: outcomeOf(end, verdict),
    http_status: "status" in end ? end.status : 0,
    duration_ms: Math.max(0, Math.round(nowMs - attempt.startedMono)),
    usage: NOTHING_USED,
    accuracy: "none",
  };
  const firstContentMono = meter?.firstContentMono;
  if (firstContentMono !== undefined) {
    exchange.firstTokenMs = firstContentMono - exchange.receivedMono;
    result.first_token_ms = Math.round(firstContentMono - attempt.startedMono);
  }
  fillInUsage(result, { exchange, call, meter, end, passed: verdict.kind === "answered" });
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
