/** The names by which a cluster says whose a pod is. A join is judged by them, so what makes the objects uses the same. */
import { type Id, isId } from "./ids.ts";

/** The audience of the ServiceAccount tokens that replicas on a cluster join with. */
export const CLUSTER_JOIN_AUDIENCE = "headgate:data-plane-join";

/** The ServiceAccount of a data plane's pods, in its tenant's namespace. */
export const DATA_PLANE_SERVICE_ACCOUNT = "data-plane";

/** What precedes the unique part of an id in the name of its namespace. */
export const NAMESPACE_PREFIXES = { tenant: "hg-", agent: "hga-" } as const;

/** What the names of those namespaces match and no others', as a regular expression. */
export const NAMESPACE_PATTERN = "^hga?-";

/** The namespace of a tenant's data plane. Throws a TypeError for what is no tenant's id. */
export function tenantNamespace(tenantId: Id<"tenant">): string {
  return namespaceOf("tenant", tenantId);
}

/** The namespace of one agent that runs with us. Throws a TypeError for what is no agent's id. */
export function agentNamespace(agentId: Id<"agent">): string {
  return namespaceOf("agent", agentId);
}

/** The subject (`sub`) of the tokens that the cluster gives to the pods of a tenant's data plane. */
export function dataPlaneSubject(tenantId: Id<"tenant">): string {
  return `system:serviceaccount:${tenantNamespace(tenantId)}:${DATA_PLANE_SERVICE_ACCOUNT}`;
}

/** The name is part of an identity, so a value that is no id would be a way into another one. */
function namespaceOf(kind: keyof typeof NAMESPACE_PREFIXES, id: string): string {
  if (!isId(kind, id)) throw new TypeError(`not an id of kind ${kind}`);
  return NAMESPACE_PREFIXES[kind] + id.slice(id.indexOf("_") + 1);
}
