/** What was otherwise in version 2, said as its difference from the form of today, and the ways from there and back. */
import type { z } from "zod";
import { type Heartbeat, type HeartbeatAnswer, heartbeat, heartbeatAnswer } from "../heartbeat.ts";
import { type UsageEvent, usageEvent } from "../usage-batch.ts";

/** The ledger kept no account of budgets: each replica knew what it had spent itself. */
export const heartbeatV2 = heartbeat.omit({ budgets_version: true });
export const heartbeatAnswerV2 = heartbeatAnswer.omit({ budgets: true });
export const usageEventV2 = usageEvent.omit({ charges: true });

export function heartbeatUp(older: z.infer<typeof heartbeatV2>): Heartbeat {
  return { ...older, budgets_version: 0 };
}

export function heartbeatDown({ budgets_version: _, ...older }: Heartbeat): z.infer<typeof heartbeatV2> {
  return older;
}

export function heartbeatAnswerUp(older: z.infer<typeof heartbeatAnswerV2>): HeartbeatAnswer {
  return { ...older, budgets: { version: 0, more: false, spent: [] } };
}

export function heartbeatAnswerDown({
  budgets: _,
  ...older
}: HeartbeatAnswer): z.infer<typeof heartbeatAnswerV2> {
  return older;
}

export function chargesDown({ charges: _, ...older }: UsageEvent): z.infer<typeof usageEventV2> {
  return older;
}
