import { ADMIN_PORT, TRAFFIC_PORT } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { JOIN_SECRET_KEY } from "./join-secret.ts";

export const STATE_PATH = "/var/lib/headgate";
export const JOIN_PATH = "/var/run/headgate/join";
export const TOKEN_PATH = "/var/run/headgate/token";
export const TOKEN_FILE = "token";

/**
 * After the signal to end, calls are still taken for so long, and each answer asks the caller to close its connection: one
 * that is kept must not be closed from here in the moment in which the next call is on its way.
 */
export const DRAIN_DELAY_SECONDS = 10;

/** The configuration of one replica. Secrets come as files: an environment leaks into crash dumps and child processes. */
export function environment(tenant: Tenant) {
  const { replica } = tenant.numbers;
  const values = {
    HEADGATE_HOST: "0.0.0.0",
    HEADGATE_PORT: String(TRAFFIC_PORT),
    HEADGATE_ADMIN_PORT: String(ADMIN_PORT),
    HEADGATE_AUTHORITIES: authorities(tenant).join(","),
    HEADGATE_CONTROL_PLANE_URL: tenant.spec.cluster.controlPlane.url,
    HEADGATE_JOIN_TOKEN_FILE: `${JOIN_PATH}/${JOIN_SECRET_KEY}`,
    HEADGATE_SERVICE_ACCOUNT_TOKEN_FILE: `${TOKEN_PATH}/${TOKEN_FILE}`,
    [tenant.spool === "node" ? "HEADGATE_STATE_DIR" : "HEADGATE_SHARED_STATE_DIR"]: STATE_PATH,
    HEADGATE_SPOOL_BYTES_MAX: String(replica.spoolBytesMax),
    HEADGATE_DRAIN_DELAY_SECONDS: String(DRAIN_DELAY_SECONDS),
    HEADGATE_DRAIN_SECONDS: String(replica.drainSeconds),
    NODE_OPTIONS: `--max-old-space-size=${replica.heapMib}`,
    HEADGATE_TRACES: tenant.tracesEndpoint === null ? "none" : "otlp",
    ...(tenant.tracesEndpoint !== null && {
      OTEL_EXPORTER_OTLP_ENDPOINT: tenant.tracesEndpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_RESOURCE_ATTRIBUTES: `k8s.namespace.name=${tenant.namespace},k8s.pod.name=$(POD_NAME)`,
    }),
  };
  return [
    { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    ...Object.entries(values).map(([name, value]) => ({ name, value })),
  ];
}

/** What agents may call it: its host name outside, and the names of its Service inside, which are of no standard port. */
function authorities({ hostname, serviceHost }: Tenant): string[] {
  const shortest = serviceHost.replace(/\.svc$/, "");
  const inside = [shortest, serviceHost, `${serviceHost}.cluster.local`];
  return [...(hostname === null ? [] : [hostname]), ...inside.map((name) => `${name}:${TRAFFIC_PORT}`)];
}
