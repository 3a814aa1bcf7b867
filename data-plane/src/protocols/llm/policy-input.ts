/** What rules are evaluated on, for one call of one agent to one model. */
import type { PolicyInput, SnapshotModel } from "@headgate/sdk/contract";
import type { CallParameters } from "../../pipeline/exchange.ts";
import type { CompiledAgent } from "../../policy/compiled-policy.ts";
import type { Protocol } from "../protocol.ts";

export interface PolicySubject {
  readonly protocol: Protocol;
  readonly agent: CompiledAgent;
  readonly model: SnapshotModel;
  readonly parameters: CallParameters | undefined;
  readonly wallMs: number;
}

export function policyInput({ protocol, agent, model, parameters, wallMs }: PolicySubject): PolicyInput {
  return {
    request: {
      method: protocol.method,
      path: protocol.path,
      endpoint: protocol.endpoint,
      dialect: protocol.dialect,
      stream: parameters?.stream ?? false,
      max_output_tokens: BigInt(parameters?.outputTokensMax ?? 0),
    },
    agent: agentInput(agent),
    model: { name: model.name, kind: model.kind },
    time: timeInput(wallMs),
  };
}

const AGENTS = new WeakMap<CompiledAgent, PolicyInput["agent"]>();

function agentInput(agent: CompiledAgent): PolicyInput["agent"] {
  const known = AGENTS.get(agent);
  if (known !== undefined) return known;
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(agent.labels)) if (value !== undefined) labels[name] = value;
  const input = {
    id: agent.id,
    name: agent.name,
    labels,
    capabilities: [...agent.capabilities],
  };
  AGENTS.set(agent, input);
  return input;
}

let lastSecond = -1;
let lastTime: PolicyInput["time"] = { unix: 0n, hour: 0n, weekday: 4n };

/** A new object for each second only. */
function timeInput(wallMs: number): PolicyInput["time"] {
  const second = Math.floor(wallMs / 1_000);
  if (second !== lastSecond) {
    const date = new Date(wallMs);
    lastSecond = second;
    lastTime = {
      unix: BigInt(second),
      hour: BigInt(date.getUTCHours()),
      weekday: BigInt(date.getUTCDay() === 0 ? 7 : date.getUTCDay()),
    };
  }
  return lastTime;
}
