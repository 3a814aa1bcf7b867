/** A namespace for one agent that runs with us, as a Pulumi program. Loading it loads Pulumi. */
export { AgentNamespace } from "./agent-namespace.ts";
export { agentNamespaceProgram } from "./agent-namespace-program.ts";
export {
  type AgentNamespaceOutputs,
  type AgentNamespaceSpec,
  agentNamespaceSpec,
} from "./agent-namespace-spec.ts";
export { agentTokenVolume } from "./agent-token-volume.ts";
export { AGENT_ACCOUNT, agentNamespaceManifests } from "./manifests.ts";
