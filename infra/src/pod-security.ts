/** What the `restricted` Pod Security Standard asks of a namespace and of its pods, and what we ask beyond it. */

/** Labels of a namespace. The version is pinned, so that an upgrade of the cluster changes nothing unasked. */
export function podSecurityLabels(kubernetesVersion: string): Record<string, string> {
  return Object.fromEntries(
    ["enforce", "audit", "warn"].flatMap((mode) => [
      [`pod-security.kubernetes.io/${mode}`, "restricted"],
      [`pod-security.kubernetes.io/${mode}-version`, `v${kubernetesVersion}`],
    ]),
  );
}

/** The user of our own images, and above all that distributions give to people and services. */
const UID = 10_001;

export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: UID,
  runAsGroup: UID,
  fsGroup: UID,
  // Volumes of many files are not walked through at each start.
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};
