/**
 * The way of every request, in order. Read this file first.
 *
 * Framing and identity come before the body is read, so that a stranger costs no memory. Rules come before limits and
 * limits before budgets: what is forbidden takes nothing from anybody's share. Usage is settled before the reply ends:
 * an agent that has seen the end of its answer can rely on its being accounted for.
 */

import { accept } from "../stages/accept.ts";
import { authorise } from "../stages/authorise.ts";
import { deduplicate } from "../stages/deduplicate.ts";
import { forward } from "../stages/forward.ts";
import { frame } from "../stages/frame.ts";
import { identify } from "../stages/identify.ts";
import { limit } from "../stages/limit.ts";
import { read } from "../stages/read.ts";
import { record } from "../stages/record.ts";
import { reply } from "../stages/reply.ts";
import { reserve } from "../stages/reserve.ts";
import { route } from "../stages/route.ts";
import { settle } from "../stages/settle.ts";
import type { Exchange } from "./exchange.ts";
import type { Gateway, Stage } from "./stage.ts";

/**
 * Up to `forward`, a stage runs while nothing is decided: the first that refuses, answers or fails ends the admission.
 * The stages behind it run always: on answer, refusal, failure and disconnect.
 */
const PIPELINE: readonly Stage[] = [
  frame,
  accept,
  identify,
  read,
  deduplicate,
  authorise,
  limit,
  reserve,
  route,
  forward,
  settle,
  reply,
  record,
];

/** Takes a request to its end. Never rejects. */
export async function runPipeline(exchange: Exchange, gateway: Gateway): Promise<void> {
  const { clock, metrics } = gateway;
  let began = clock.monotonicMs();
  for (const stage of PIPELINE) {
    if (!stage.always && isDecided(exchange)) continue;
    try {
      const running = stage.run(exchange, gateway);
      // Most stages answer at once, and then nothing is waited for.
      const verdict = running instanceof Promise ? await running : running;
      exchange.refusal ??= verdict;
    } catch (error) {
      fail(exchange, gateway, error);
      // There is no second reply to fall back on.
      if (stage === reply) exchange.response.destroy();
    }
    const ended = clock.monotonicMs();
    metrics.stages[stage.name].observe((ended - began) / 1_000);
    began = ended;
  }
  // Whatever went wrong above, no caller is left waiting.
  const { response, failure, committed, cutOff } = exchange;
  if (!response.writableEnded && !cutOff && !(committed && failure !== undefined)) response.destroy();
}

function isDecided({ refusal, answer, failure }: Exchange): boolean {
  return refusal !== undefined || answer !== undefined || failure !== undefined;
}

function fail(exchange: Exchange, gateway: Gateway, err: unknown): void {
  exchange.answer = undefined;
  exchange.failure = { code: "gateway.internal" };
  gateway.log.error({ request_id: exchange.requestId, err }, "a stage failed");
}
