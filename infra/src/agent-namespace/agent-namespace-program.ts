/** The program of one agent's stack. */

import { agentNamespace } from "@headgate/sdk/contract";
import { type ClusterAccess, clusterProvider } from "../cluster-provider.ts";
import { AgentNamespace } from "./agent-namespace.ts";
import {
  type AgentNamespaceOutputs,
  type AgentNamespaceSpec,
  agentNamespaceSpec,
} from "./agent-namespace-spec.ts";

/** Throws a ZodError at once where the specification is not valid. */
export function agentNamespaceProgram(
  spec: AgentNamespaceSpec,
  access: ClusterAccess,
): () => Promise<AgentNamespaceOutputs> {
  const valid = agentNamespaceSpec.parse(spec);
  return async () => {
    const provider = clusterProvider(valid.cluster.region, access);
    return new AgentNamespace(agentNamespace(valid.agentId), valid, { providers: [provider] }).outputs;
  };
}
