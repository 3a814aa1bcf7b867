/**
 * Sends the call to its targets in order until one answers. Another target is tried only while nothing has been sent
 * to the agent. Each attempt is opened in the usage record before its first byte goes out.
 */
import type { AttemptOpened, CallOutcome, ErrorCode } from "@headgate/sdk/contract";
import type { Dispatcher } from "undici";
import type { BudgetCharge, BudgetReservation } from "../limits/admission.ts";
import type { Attempt, Exchange } from "../pipeline/exchange.ts";
import type { Gateway, Stage } from "../pipeline/stage.ts";
import type { CompiledTarget } from "../policy/compiled-policy.ts";
import type { Refusal } from "../policy/refusal.ts";
import type { AnyCall } from "../protocols/protocol.ts";
import { refusedAnswer } from "../reply.ts";
import { ResponseSink } from "../server/stream-sink.ts";
import type { BreakerPass } from "../upstream/breakers.ts";
import { classifyAnswer, type Verdict } from "../upstream/classify-answer.ts";
import type { AttemptEnd, AttemptRequest } from "../upstream/dispatch.ts";
import { startStreamedAnswer } from "../upstream/streamed-answer.ts";
import { startWholeAnswer } from "../upstream/whole-answer.ts";
import { type AttemptHold, type AttemptResult, NOTHING_HELD } from "../usage/usage-recorder.ts";

export const forward: Stage = {
  name: "forward",
  async run(exchange, gateway): Promise<Refusal | undefined> {
    const route = exchange.call?.route;
    if (route === undefined) throw new Error("a call is forwarded after it is routed");
    let hold: AttemptHold | undefined;
    for (const target of exchange.candidates) {
      if (exchange.attempts.length >= route.attemptsMax || exchange.clientGone) break;
      const pass = gateway.breakers.begin(target.id, gateway.clock.monotonicMs());
      if (pass === undefined) continue;
      let verdict: Verdict;
      try {
        const opened = openAttempt(exchange, target, gateway);
        hold ??= holdOf(exchange, gateway);
        if ((await gateway.recorder.open(opened, hold)) === "refused") {
          return { code: "gateway.usage_unavailable", retryAfterMs: 5_000 };
        }
        const startedMono = gateway.clock.monotonicMs();
        const attempt: Attempt = { opened, target, startedMono, result: undefined };
        exchange.attempts.push(attempt);
        const trial = { exchange, attempt, pass, gateway };
        verdict = await tryTarget(trial);
        judge(verdict, trial);
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
  const { principal, call, policy } = exchange;
  if (principal === undefined || call?.route === undefined || policy === undefined) {
    throw new Error("forwarded without identity");
  }
  return {
    request_id: exchange.requestId,
    attempt_id: newId("attempt"),
    attempt: exchange.attempts.length + 1,
    decision_id: exchange.decisionId,
    agent_id: principal.agent.id,
    credential: principal.credential,
    labels: principal.agent.usageLabels,
    subject: call.subject(target),
    // A clock that was never set may say 0, which is no time.
    started_at: Math.max(1, clock.wallMs()),
    revision: policy.revision,
  };
}

/** What is known of the call's use should the process die before it knows more. */
function holdOf({ call, budgetReservation }: Exchange, { outputs }: Gateway): AttemptHold {
  const usage = call?.usageExpected(outputs);
  if (usage === undefined && budgetReservation === undefined) return NOTHING_HELD;
  const charges = budgetReservation?.holds.map(chargeFor) ?? NOTHING_HELD.charges;
  return { charges, usage: usage ?? NOTHING_HELD.usage };
}

function chargeFor({ key, amount }: BudgetReservation["holds"][number]): BudgetCharge {
  return { key, amount: amount.toString() };
}

interface Trial {
  readonly exchange: Exchange;
  readonly attempt: Attempt;
  readonly pass: BreakerPass;
  readonly gateway: Gateway;
}

async function tryTarget(trial: Trial): Promise<Verdict> {
  const { exchange, attempt, gateway } = trial;
  const { target } = attempt;
  const { clock, pools } = gateway;
  const call = callOf(exchange);
  let { end, sent, meter } = await ask(trial, pools.poolFor(target));
  if (end.kind === "unreachable" && end.stale) {
    ({ end, sent, meter } = await ask(trial, pools.freshFor(target)));
  }
  if (isRefusal(end) && call.withdraws(target, end.body)) {
    ({ end, sent, meter } = await ask(trial, pools.poolFor(target)));
    if (end.kind === "streamed") call.keepWithdrawn(target);
  }
  const verdict = classifyAnswer(end, {
    reader: call,
    wanted: meter === undefined ? "json" : "stream",
    wallMs: clock.wallMs(),
  });
  const passed = verdict.kind === "answered";
  const result: AttemptResult = {
    outcome: outcomeOf(end, passed),
    http_status: "status" in end ? end.status : 0,
    duration_ms: Math.max(0, Math.round(clock.monotonicMs() - attempt.startedMono)),
    usage: NOTHING_USED,
    accuracy: "none",
  };
  const firstContentMono = meter?.firstContentMono;
  if (firstContentMono !== undefined) {
    exchange.firstTokenMs = firstContentMono - exchange.receivedMono;
    result.first_token_ms = Math.round(firstContentMono - attempt.startedMono);
  }
  const json = "json" in verdict ? verdict.json : undefined;
  call.meter(result, { end, json, sent, meter, passed });
  attempt.result = result;
  return verdict;
}

function callOf({ call }: Exchange): AnyCall {
  if (call === undefined) throw new Error("there is no call to forward");
  return call;
}

/** The request as it was sent was not to the provider's liking. */
function isRefusal(end: AttemptEnd): end is Extract<AttemptEnd, { kind: "answered" }> {
  return end.kind === "answered" && (end.status === 400 || end.status === 422);
}

/** Sends the request once. */
async function ask({ exchange, attempt, pass, gateway }: Trial, pool: Dispatcher) {
  const { head } = exchange;
  const call = callOf(exchange);
  const { target, opened } = attempt;
  const { clock } = gateway;
  const headers = call.upstreamHeaders(head, target);
  headers.push("x-headgate-attempt", opened.attempt_id);
  const request: AttemptRequest = {
    pool,
    method: call.endpoint.method,
    path: call.upstreamPath(target),
    headers,
    body: call.upstreamBody(target),
    timeouts: target.timeouts,
    clock,
  };
  const steps = call.openStream(clock);
  const running =
    steps === undefined
      ? startWholeAnswer(request)
      : startStreamedAnswer(request, steps, new ResponseSink(exchange, gateway.load, pass));
  exchange.running = running;
  if (exchange.clientGone) running.cancel();
  const end = await running.end;
  exchange.running = undefined;
  return { end, sent: running.sent, meter: steps?.meter };
}

const NOTHING_USED: AttemptResult["usage"] = {};

function outcomeOf(end: AttemptEnd, passed: boolean): CallOutcome {
  if (end.kind === "answered") return end.status < 300 && passed ? "success" : "upstream_error";
  if (end.kind === "streamed") return end.failed ? "upstream_error" : "success";
  if (end.kind === "broken" && end.failed) return "upstream_error";
  return OUTCOMES[end.kind];
}

const OUTCOMES = {
  broken: "stream_broken",
  timeout: "upstream_timeout",
  unreachable: "upstream_unreachable",
  unusable: "upstream_error",
  cancelled: "client_aborted",
} as const;

/** Tells the breaker, and puts the answer or the failure where later stages look. */
function judge(verdict: Verdict, { exchange, attempt, pass, gateway }: Trial): void {
  const nowMs = gateway.clock.monotonicMs();
  const settings = exchange.call?.route?.breaker;
  switch (verdict.kind) {
    case "answered":
      // What is wrong with one request tells nothing of the target.
      if (verdict.answer.kind === "stream" || verdict.answer.status < 400) pass.succeed();
      exchange.failure = undefined;
      exchange.answer = verdict.answer;
      return;
    case "refused":
      exchange.failure = undefined;
      exchange.answer = refusedAnswer(exchange, verdict);
      return;
    case "cancelled":
      // Or it is there and has stopped reading, which comes to the same; unless it was the gateway that had to end.
      if (exchange.failure?.code !== "gateway.draining") exchange.clientGone = true;
      return;
    case "broken":
      if (settings !== undefined) pass.fail(settings, nowMs);
      exchange.failure = { code: verdict.code, reported: verdict.reported };
      return;
    case "failed":
      if (settings !== undefined && verdict.healthy !== true) {
        pass.fail(settings, nowMs, verdict.retryAfterMs);
      }
      exchange.failure = {
        code: verdict.code,
        message: lacksCredential(verdict, attempt) ? NO_CREDENTIAL : verdict.message,
        retryAfterMs: verdict.retryAfterMs,
      };
  }
}

const NO_CREDENTIAL = "The provider wants a credential, and none is set for it.";

function lacksCredential({ code }: { readonly code: ErrorCode }, { target }: Attempt): boolean {
  return code === "upstream.credential_refused" && target.provider.credential === null;
}
