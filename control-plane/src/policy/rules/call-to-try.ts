/** A call as somebody writes it down who wants to know what rules say of it. */
import {
  agentLabels,
  DIALECTS,
  idOf,
  MODEL_KINDS,
  modelName,
  type PolicyInput,
  snapshotAgent,
} from "@headgate/sdk/contract";
import { z } from "zod";
import { unixMs } from "../../lib/view.ts";

const text = (lengthMax: number) => z.string().min(1).max(lengthMax);

/** What is left out is as in a call of the chat completions, now. */
export const callToTry = z.strictObject({
  /** An agent that there is, or one that is described. */
  agent: z.union([
    z.strictObject({ agent_id: idOf("agent") }),
    z.strictObject({
      name: snapshotAgent.shape.name.default("agent"),
      labels: agentLabels.default({}),
      capabilities: snapshotAgent.shape.capabilities.default([]),
    }),
  ]),
  model: z.strictObject({ name: modelName, kind: z.enum(MODEL_KINDS).default("chat") }),
  request: z
    .strictObject({
      method: z.enum(["GET", "POST"]).default("POST"),
      path: text(128).default("/v1/chat/completions"),
      endpoint: text(64).default("chat_completions"),
      dialect: z.enum(DIALECTS).default("openai"),
      stream: z.boolean().default(false),
      max_output_tokens: z.number().int().nonnegative().default(0),
    })
    .prefault({}),
  /** Unix milliseconds. */
  at: unixMs.max(8_640_000_000_000_000).optional(),
});
export type CallToTry = z.infer<typeof callToTry>;
type DescribedAgent = Exclude<CallToTry["agent"], { agent_id: string }>;

/** `agent`: the one that is meant. */
export function policyInputOf(
  { model, request, at }: CallToTry,
  agent: DescribedAgent & { readonly id?: string },
  now: number,
): PolicyInput {
  const moment = new Date(at ?? now);
  const { team, cost_center, department, environment } = agent.labels;
  return {
    kind: "model",
    request: { ...request, max_output_tokens: BigInt(request.max_output_tokens) },
    agent: {
      id: agent.id ?? "agt_00000000000000000000000000",
      name: agent.name,
      labels: {
        ...(team !== undefined && { team }),
        ...(cost_center !== undefined && { cost_center }),
        ...(department !== undefined && { department }),
        ...(environment !== undefined && { environment }),
      },
      capabilities: agent.capabilities,
    },
    model,
    time: {
      unix: BigInt(Math.floor(moment.getTime() / 1_000)),
      hour: BigInt(moment.getUTCHours()),
      weekday: BigInt(moment.getUTCDay() === 0 ? 7 : moment.getUTCDay()),
    },
  };
}
