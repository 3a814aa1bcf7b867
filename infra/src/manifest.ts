/** A Kubernetes object as plain data, the way `kubectl` reads it. Leaves of a Secret may be values that come later. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** `Kind/name`, where all lie in one namespace. */
export function manifestName({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

/** `Kind/name` or `Kind/namespace/name`, for people and for lists. */
export function manifestTitle({ kind, metadata }: Manifest): string {
  return [kind, metadata.namespace, metadata.name].filter((part) => part !== undefined).join("/");
}
