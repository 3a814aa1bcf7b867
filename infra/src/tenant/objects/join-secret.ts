import type { core } from "@pulumi/kubernetes";
import { DATA_PLANE } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { metadata } from "./metadata.ts";

export const JOIN_SECRET = "data-plane-join";
export const JOIN_SECRET_KEY = "join-token";

/**
 * What replicas join with, beside their ServiceAccount's token. It is mounted as a file, which follows when the secret
 * changes. `data` and not `stringData`: the API server does not give the latter back, so drift in it would stay unseen.
 */
export function joinSecret(tenant: Tenant) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadata(tenant, DATA_PLANE, JOIN_SECRET),
    type: "Opaque",
    data: { [JOIN_SECRET_KEY]: Buffer.from(tenant.spec.joinSecret).toString("base64") },
  } satisfies core.v1.SecretArgs;
}
