/** Of a file that holds a secret: nobody but its owner may read it. */
export const OWNER_READS = 0o400;

const LIFETIME_SECONDS = 3_600;

/**
 * The content of a volume with a ServiceAccount's token for one audience. The kubelet replaces the file long before the
 * token expires, so whoever uses it reads it anew each time.
 */
export function projectedToken(audience: string, path: string) {
  return {
    projected: {
      defaultMode: OWNER_READS,
      sources: [{ serviceAccountToken: { audience, expirationSeconds: LIFETIME_SECONDS, path } }],
    },
  };
}
