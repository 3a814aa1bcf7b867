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

/** Of each procedure, whether it only reads. */
export type KindsOf<Api> = {
  [D in keyof Api]: { [P in keyof Api[D]]: Api[D][P] extends { kind: infer Kind } ? Kind : never };
};
