/**
 * The way of every request, in order. Read this file first.
 *
 * Framing and identity come before the body is read, so that a stranger costs no memory. Rules come before limits and
 * limits before budgets: what is forbidden takes nothing from anybody's share. Usage is settled before the reply ends:
 * an agent that has seen the end of its answer can rely on its being accounted for.
 */
import { checkAccess } from "../stages/check-access.ts";
import { checkIdempotency } from "../stages/check-idempotency.ts";
import { classifyProtocol } from "../stages/classify-protocol.ts";
import { forward } from "../stages/forward.ts";
import { identifyAgent } from "../stages/identify-agent.ts";
import { limitRate } from "../stages/limit-rate.ts";
import { readBody } from "../stages/read-body.ts";
import { record } from "../stages/record.ts";
import { reply } from "../stages/reply.ts";
import { reserveBudget } from "../stages/reserve-budget.ts";
import { selectTarget } from "../stages/select-target.ts";
import { settleUsage } from "../stages/settle-usage.ts";
import { stripReservedHeaders } from "../stages/strip-reserved-headers.ts";
import type { Exchange } from "./exchange.ts";
import type { Gateway, Stage } from "./stage.ts";

/** The first of these that refuses ends the admission. */
const ADMISSION: readonly Stage[] = [
  stripReservedHeaders,
  classifyProtocol,
  identifyAgent,
  readBody,
  checkIdempotency,
  checkAccess,
  limitRate,
  reserveBudget,
  selectTarget,
  forward,
];

/** These run on every way out: answer, refusal, failure, disconnect. */
const CLOSING: readonly Stage[] = [settleUsage, reply, record];

/** Takes a request to its end. Never rejects. */
export async function runPipeline(exchange: Exchange, gateway: Gateway): Promise<void> {
  try {
    for (const stage of ADMISSION) {
      const verdict = await runStage(stage, exchange, gateway);
      if (verdict !== undefined) {
        exchange.refusal = verdict;
        break;
      }
      if (exchange.answer !== undefined || exchange.failure !== undefined) break;
    }
  } catch (error) {
    fail(exchange, gateway, error);
  }
  for (const stage of CLOSING) {
    try {
      await runStage(stage, exchange, gateway);
    } catch (error) {
      fail(exchange, gateway, error);
    }
  }
}

async function runStage(stage: Stage, exchange: Exchange, gateway: Gateway) {
  const started = gateway.clock.monotonicMs();
  const verdict = stage.run(exchange, gateway);
  const settled = verdict instanceof Promise ? await verdict : verdict;
  gateway.metrics.stage(stage.name, gateway.clock.monotonicMs() - started);
  return settled;
}

function fail(exchange: Exchange, gateway: Gateway, error: unknown): void {
  exchange.answer = undefined;
  exchange.failure = { code: "gateway.internal" };
  gateway.log.error({ request_id: exchange.requestId, error }, "a stage failed");
}
