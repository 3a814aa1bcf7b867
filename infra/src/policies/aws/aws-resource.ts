/** A resource as rules see it: plain values, whoever collected them. */
export interface AwsResource {
  readonly urn: string;
  /** Pulumi's type token, such as `aws:s3/bucket:Bucket`. */
  readonly type: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly protect: boolean;
  /** The provider it is made through; undefined for what has none, such as components. */
  readonly provider?:
    | { readonly name: string; readonly props: Readonly<Record<string, unknown>> }
    | undefined;
  /** URNs of the resources that its properties were made from. */
  readonly refs: readonly string[];
}

/** Looks at one resource: why it is refused, one sentence a reason. */
export interface ResourceRule {
  readonly name: string;
  readonly description: string;
  readonly check: (resource: AwsResource) => readonly string[];
}

/** Looks at all resources of a stack together. */
export interface StackRule {
  readonly name: string;
  readonly description: string;
  readonly check: (resources: readonly AwsResource[]) => readonly Violation[];
}

export interface Violation {
  readonly urn: string;
  readonly message: string;
}

/** The value at a path of property names; undefined where there is none. */
export function at(props: unknown, ...path: readonly string[]): unknown {
  let value: unknown = props;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

export function listAt(props: unknown, ...path: readonly string[]): readonly unknown[] {
  const value = at(props, ...path);
  return Array.isArray(value) ? value : [];
}

/** What must hold of a resource, with the sentence for when it does not. */
export type Demand = readonly [holds: (props: AwsResource["props"]) => boolean, otherwise: string];

/** A rule that asks the same of every resource of a type. */
export function demandByType(demands: Readonly<Record<string, readonly Demand[]>>): ResourceRule["check"] {
  return ({ type, props }) =>
    (demands[type] ?? []).filter(([holds]) => !holds(props)).map(([, otherwise]) => otherwise);
}
