/** A procedure that changes nothing. */
export interface Query<Input, Output> {
  readonly kind: "query";
  readonly input: Input;
  readonly output: Output;
}

/** A procedure that changes something. */
export interface Mutation<Input, Output> {
  readonly kind: "mutation";
  readonly input: Input;
  readonly output: Output;
}

/** A procedure that gives one thing after the other until it ends. */
export interface Subscription<Input, Output> {
  readonly kind: "subscription";
  readonly input: Input;
  /** Each of them. */
  readonly output: Output;
}

/** Of each procedure, its kind. */
export type KindsOf<Api> = {
  [D in keyof Api]: { [P in keyof Api[D]]: Api[D][P] extends { kind: infer Kind } ? Kind : never };
};
