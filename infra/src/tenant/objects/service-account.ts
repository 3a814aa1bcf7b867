import type { core } from "@pulumi/kubernetes";
import type { COLLECTOR, DATA_PLANE } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { metadata } from "./metadata.ts";

/** An identity without any right: it is bound to no Role, and its token for the API server is mounted nowhere. */
export function serviceAccount(tenant: Tenant, part: typeof DATA_PLANE | typeof COLLECTOR) {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadata(tenant, part),
    automountServiceAccountToken: false,
  } satisfies core.v1.ServiceAccountArgs;
}
