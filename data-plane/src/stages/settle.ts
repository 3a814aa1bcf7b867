/**
 * Puts what was used in the place of what was held, and on disk. It runs on every way out, so that nothing stays held
 * and no attempt stays open; the reply ends only after it.
 */
import { tokensOf } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../limits/admission.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Gateway, Stage } from "../pipeline/stage.ts";
import { UNSETTLED } from "../usage/usage-recorder.ts";

export const settle: Stage = {
  name: "settle",
  always: true,
  run(exchange, gateway) {
    if (exchange.idempotencyKey !== undefined)
      gateway.idempotency.finish(exchange.idempotencyKey, outcomeOf(exchange), gateway.clock.monotonicMs());
    const total = totalUsed(exchange);
    if (exchange.limitReservation !== undefined)
      gateway.limiter.settle(exchange.limitReservation, total.tokens);
    const charges =
      exchange.budgetReservation === undefined
        ? NO_CHARGES
        : gateway.budgets.settle(exchange.budgetReservation, total);
    if (exchange.attempts.length === 0) return undefined;
    const last = exchange.attempts.at(-1)?.result;
    if (last !== undefined) exchange.call?.learn(last, gateway.outputs);
    return writeAll(exchange, gateway, charges);
  },
};

/** A provider's refusal is no answer to keep: what is sent again may find another one. */
function outcomeOf({ answer }: Exchange): Parameters<Gateway["idempotency"]["finish"]>[1] {
  if (answer === undefined || (answer.kind === "json" && answer.status >= 300)) return "nothing";
  return answer.kind === "json" ? answer : "unkept";
}

const NO_CHARGES: readonly BudgetCharge[] = [];

function totalUsed({ attempts, policy, call, budgetReservation }: Exchange) {
  let tokens = 0;
  let nanoUsd: bigint | undefined = 0n;
  for (const { result, target, opened } of attempts) {
    if (result === undefined || policy === undefined || call === undefined) continue;
    tokens += tokensOf(result.usage);
    if (budgetReservation === undefined || nanoUsd === undefined) continue;
    const cost = call.cost(policy, target, { usage: result.usage, wallMs: opened.started_at });
    nanoUsd = cost === undefined ? undefined : nanoUsd + cost;
  }
  return { tokens, nanoUsd };
}

/** The charges go with the last attempt, once. */
function writeAll(
  { attempts }: Exchange,
  { recorder }: Gateway,
  charges: readonly BudgetCharge[],
): Promise<undefined> {
  let durable: Promise<void> | undefined;
  for (const [index, { opened, result }] of attempts.entries()) {
    durable = recorder.settle(
      opened,
      result ?? UNSETTLED,
      index === attempts.length - 1 ? charges : NO_CHARGES,
    );
  }
  // Records become durable in the order they were written, so the last one speaks for all.
  return (durable ?? Promise.resolve()).then(goOn);
}

function goOn(): undefined {}
