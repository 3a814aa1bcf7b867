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

/** What must hold of a resource, with the sentence for when it does not. */
export type Demand = readonly [holds: (props: AwsResource["props"]) => boolean, otherwise: string];

/** The commonest demands: a switch is on, one is not on, a key is named. */
export const on = (name: string): Demand => [(props) => props[name] === true, `${name} must be true`];
export const notOn = (name: string): Demand => [(props) => props[name] !== true, `${name} must not be true`];
export const underOurKey: Demand = [(props) => props["kmsKeyId"] !== undefined, "kmsKeyId must name a key"];

/** A rule that asks the same of every resource of a type. */
export function demandByType(demands: Readonly<Record<string, readonly Demand[]>>): ResourceRule["check"] {
  return ({ type, props }) =>
    (demands[type] ?? []).filter(([holds]) => !holds(props)).map(([, otherwise]) => otherwise);
}
