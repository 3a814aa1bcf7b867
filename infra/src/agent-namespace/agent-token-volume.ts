import { AGENT_AUDIENCE } from "../names.ts";
import { projectedToken } from "../projected-token.ts";

/** A volume for the agent's pods: its own token, in the file `token`, by which it can show who it is. */
export function agentTokenVolume(name: string) {
  return { name, ...projectedToken(AGENT_AUDIENCE, "token") };
}
