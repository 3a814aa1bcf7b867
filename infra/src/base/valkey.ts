import type { types } from "@pulumi/kubernetes";
import type { Input } from "@pulumi/pulumi";
import type { Manifest } from "../manifest.ts";
import { DATA_PLANE, priorityClass, SYSTEM_NAMESPACES } from "../names.ts";
import { tcp } from "../network-rules.ts";
import { CONTAINER_SECURITY, POD_SECURITY } from "../pod-security.ts";
import type { BaseConfig } from "./base-config.ts";
import { networkPolicy, ofTenants, pods } from "./kubernetes/network-rules.ts";
import { selectorLabels } from "./kubernetes/object-labels.ts";
import { disruptionBudget, metadata, service, serviceAccount } from "./kubernetes/objects.ts";
import { resources } from "./kubernetes/pod-parts.ts";

export const VALKEY = "valkey";
export const VALKEY_PORT = 6_379;

const NAMESPACE = SYSTEM_NAMESPACES.data;
const DATA = "/data";
const CONF = "/etc/valkey/conf";
const AUTH = "/etc/valkey/auth";
const RUN = "/run/valkey";
const TLS = "/etc/valkey/tls";

type Valkey = NonNullable<BaseConfig["valkey"]>;

/**
 * For counters that the replicas of data planes share; they share none through it yet. One replica: where counters
 * must survive a host, the region's managed service takes its place. Empty where the configuration has none.
 */
export function valkeyManifests({ region, valkey }: BaseConfig, password: Input<string>): Manifest[] {
  if (valkey === null) return [];
  const where = { name: VALKEY, namespace: NAMESPACE, part: VALKEY, region };
  const own = metadata(where);
  return [
    serviceAccount(where),
    { apiVersion: "v1", kind: "Secret", metadata: own, type: "Opaque", stringData: { password } },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: own,
      data: { "valkey.conf": valkeyConf(valkey), "start.sh": START, "ready.sh": readyScript(valkey) },
    },
    networkPolicy(where, {
      podSelector: pods(VALKEY),
      policyTypes: ["Ingress"],
      ingress: [{ from: [ofTenants(DATA_PLANE)], ports: tcp(VALKEY_PORT) }],
    }),
    service(where, [{ name: "valkey", port: VALKEY_PORT, targetPort: "valkey" }]),
    { apiVersion: "apps/v1", kind: "StatefulSet", metadata: own, spec: statefulSetSpec(valkey, own.labels) },
    disruptionBudget(where),
  ];
}

/** Counters are never thrown out to make room: a full memory refuses writes, which the data planes notice. */
function valkeyConf({ memoryMib, tlsSecret }: Valkey): string {
  const listen =
    tlsSecret === null
      ? [`port ${VALKEY_PORT}`]
      : [
          "port 0",
          `tls-port ${VALKEY_PORT}`,
          `tls-cert-file ${TLS}/tls.crt`,
          `tls-key-file ${TLS}/tls.key`,
          `tls-ca-cert-file ${TLS}/ca.crt`,
          "tls-auth-clients no",
        ];
  return [
    "bind * -::*",
    "protected-mode yes",
    ...listen,
    `dir ${DATA}`,
    "appendonly yes",
    "appendfsync everysec",
    `maxmemory ${Math.floor(memoryMib * 0.6)}mb`,
    "maxmemory-policy noeviction",
    "",
  ].join("\n");
}

/** The password is in no argument and no environment. The server takes the shell's place, so that it gets the signals. */
const START = `#!/bin/sh
set -eu
umask 077
{ cat ${CONF}/valkey.conf; printf 'requirepass "%s"\\n' "$(cat ${AUTH}/password)"; } > ${RUN}/valkey.conf
exec valkey-server ${RUN}/valkey.conf
`;

function readyScript({ tlsSecret }: Valkey): string {
  const tls = tlsSecret === null ? "" : ` --tls --cacert ${TLS}/ca.crt`;
  return `#!/bin/sh
set -eu
REDISCLI_AUTH="$(cat ${AUTH}/password)" valkey-cli -p ${VALKEY_PORT}${tls} ping | grep -qx PONG
`;
}

function statefulSetSpec(
  { image, memoryMib, volume, tlsSecret }: Valkey,
  labels: Record<string, string>,
): types.input.apps.v1.StatefulSetSpec {
  return {
    serviceName: VALKEY,
    replicas: 1,
    revisionHistoryLimit: 3,
    selector: { matchLabels: selectorLabels(VALKEY) },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: VALKEY,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        priorityClassName: priorityClass("system"),
        terminationGracePeriodSeconds: 60,
        securityContext: POD_SECURITY,
        containers: [
          {
            name: VALKEY,
            image,
            command: ["/bin/sh", `${CONF}/start.sh`],
            ports: [{ name: "valkey", containerPort: VALKEY_PORT }],
            startupProbe: { tcpSocket: { port: "valkey" }, periodSeconds: 1, failureThreshold: 120 },
            readinessProbe: {
              exec: { command: ["/bin/sh", `${CONF}/ready.sh`] },
              periodSeconds: 5,
              timeoutSeconds: 3,
            },
            livenessProbe: { tcpSocket: { port: "valkey" }, periodSeconds: 10, failureThreshold: 6 },
            resources: resources(100, memoryMib),
            securityContext: CONTAINER_SECURITY,
            volumeMounts: [
              { name: "conf", mountPath: CONF, readOnly: true },
              { name: "auth", mountPath: AUTH, readOnly: true },
              ...(tlsSecret === null ? [] : [{ name: "tls", mountPath: TLS, readOnly: true }]),
              { name: "run", mountPath: RUN },
              { name: "data", mountPath: DATA },
            ],
          },
        ],
        volumes: [
          { name: "conf", configMap: { name: VALKEY } },
          { name: "auth", secret: { secretName: VALKEY, defaultMode: 0o400 } },
          { name: "run", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
          ...(tlsSecret === null
            ? []
            : [{ name: "tls", secret: { secretName: tlsSecret, defaultMode: 0o400 } }]),
          ...(volume === null ? [{ name: "data", emptyDir: { sizeLimit: `${memoryMib * 4}Mi` } }] : []),
        ],
      },
    },
    ...(volume === null
      ? {}
      : {
          volumeClaimTemplates: [
            {
              metadata: { name: "data", labels },
              spec: {
                accessModes: ["ReadWriteOnce"],
                storageClassName: volume.storageClass,
                resources: { requests: { storage: `${volume.sizeGib}Gi` } },
              },
            },
          ],
        }),
  };
}
