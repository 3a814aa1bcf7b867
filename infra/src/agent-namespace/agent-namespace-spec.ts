/** All that the namespace of one agent follows from. */
import { clusterSettings, idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import { PLAN_NAMES } from "../plans.ts";

export const agentNamespaceSpec = z.strictObject({
  agentId: idOf("agent"),
  tenantId: idOf("tenant"),
  plan: z.enum(PLAN_NAMES),
  cluster: clusterSettings,
});

export type AgentNamespaceSpec = Readonly<z.infer<typeof agentNamespaceSpec>>;

export const AGENT_NAMESPACE_OUTPUTS_SCHEMA = "headgate.agent-namespace/1";

export interface AgentNamespaceOutputs {
  readonly schema: typeof AGENT_NAMESPACE_OUTPUTS_SCHEMA;
  readonly namespace: string;
  /** The account that the agent's pods run as. */
  readonly serviceAccount: string;
  /** The only server that the agent's pods reach. */
  readonly gatewayUrl: string;
  /** `Kind/name` of each object. */
  readonly objects: string[];
}
