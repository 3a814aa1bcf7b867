/** What rules are evaluated on, for one call of one agent to one model. */
import type { PolicyInput, SnapshotModel } from "@headgate/sdk/contract";
import type { CompiledAgent } from "../../policy/compiled-agent.ts";
import type { Dialect, ModelEndpoint } from "./dialects/dialect.ts";

export interface PolicySubject {
  readonly dialect: Dialect;
  readonly endpoint: ModelEndpoint;
  readonly stream: boolean;
  readonly outputTokensMax: number | undefined;
}

export interface PolicyMoment {
  readonly agent: CompiledAgent;
  readonly wallMs: number;
}

export function policyInput(
  { dialect, endpoint, stream, outputTokensMax }: PolicySubject,
  model: SnapshotModel,
  { agent, wallMs }: PolicyMoment,
): PolicyInput {
  return {
    kind: "model",
    request: {
      method: endpoint.method,
      path: endpoint.path,
      endpoint: endpoint.name,
      dialect: dialect.name,
      stream,
      max_output_tokens: BigInt(outputTokensMax ?? 0),
    },
    agent: agent.input,
    model: { name: model.name, kind: model.kind },
    time: timeInput(wallMs),
  };
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
