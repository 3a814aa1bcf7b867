import { tenantNamespace } from "@headgate/sdk/contract";
import * as kubernetes from "@pulumi/kubernetes";
import { ComponentResource, type ComponentResourceOptions } from "@pulumi/pulumi";
import { manifestName } from "../manifest.ts";
import { DATA_PLANE, TRAFFIC_PORT } from "../names.ts";
import {
  AGENT_NAMESPACE_OUTPUTS_SCHEMA,
  type AgentNamespaceOutputs,
  type AgentNamespaceSpec,
} from "./agent-namespace-spec.ts";
import { AGENT_ACCOUNT, agentNamespaceManifests } from "./manifests.ts";

/** A place for one agent of a tenant to run in. `name` is the namespace's. */
export class AgentNamespace extends ComponentResource {
  readonly outputs: AgentNamespaceOutputs;

  constructor(name: string, spec: AgentNamespaceSpec, options: ComponentResourceOptions) {
    super("headgate:tenant:AgentNamespace", name, {}, options);
    const { Namespace, ResourceQuota, LimitRange, ServiceAccount } = kubernetes.core.v1;
    const { NetworkPolicy } = kubernetes.networking.v1;
    const { namespace, quota, limits, policies, account } = agentNamespaceManifests(spec);
    const own = new Namespace(name, namespace, { parent: this });
    const child = { parent: this, deletedWith: own, dependsOn: [own] };
    const walls = [
      new ResourceQuota(`${name}-${quota.metadata.name}`, quota, child),
      new LimitRange(`${name}-${limits.metadata.name}`, limits, child),
      ...policies.map((policy) => new NetworkPolicy(`${name}-${policy.metadata.name}`, policy, child)),
    ];
    // Without the account no pod can run as the agent: it comes when the walls stand.
    new ServiceAccount(`${name}-${AGENT_ACCOUNT}`, account, { ...child, dependsOn: [own, ...walls] });
    this.outputs = {
      schema: AGENT_NAMESPACE_OUTPUTS_SCHEMA,
      namespace: namespace.metadata.name,
      serviceAccount: AGENT_ACCOUNT,
      gatewayUrl: `http://${DATA_PLANE}.${tenantNamespace(spec.tenantId)}.svc:${TRAFFIC_PORT}`,
      objects: [namespace, quota, limits, ...policies, account].map(manifestName),
    };
    this.registerOutputs(this.outputs);
  }
}
