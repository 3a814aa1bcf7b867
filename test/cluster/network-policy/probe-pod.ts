import type { PodPlace } from "./probe.ts";

/** The port that servers of the internet are let out to: what is closed is closed for its address. */
export const PROBE_PORT = 443;
/** The port of a data plane's traffic, for a pod that passes for one. */
export const LOOKALIKE_PORT = 8_800;
/** Of a server that takes itself for a resolver. */
export const PROBE_UDP_PORT = 53;

export interface ProbePodOptions extends PodPlace {
  /** Holds Node. */
  readonly image: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly priorityClassName?: string;
  readonly serviceAccountName?: string;
}

/**
 * A pod to try connections from and to: it answers on two ports of TCP and one of UDP. It keeps to the restricted Pod
 * Security Standard, and is as small as Node can be.
 */
export function probePod({ namespace, pod, image, labels = {}, ...given }: ProbePodOptions): object {
  const bounds = { memory: "128Mi", "ephemeral-storage": "16Mi" };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod, namespace, labels },
    spec: {
      ...given,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "probe",
          image,
          imagePullPolicy: "IfNotPresent",
          command: ["/usr/local/bin/node", "-e", SERVER],
          resources: { requests: { cpu: "10m", ...bounds }, limits: bounds },
          readinessProbe: { tcpSocket: { port: PROBE_PORT }, periodSeconds: 1 },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
        },
      ],
    },
  };
}

const SERVER = `
for (const port of [${PROBE_PORT}, ${LOOKALIKE_PORT}])
  require("node:net").createServer((socket) => socket.end()).listen(port);
const echo = require("node:dgram").createSocket("udp4");
echo.on("message", (message, { address, port }) => echo.send(message, port, address));
echo.bind(${PROBE_UDP_PORT});
`;
