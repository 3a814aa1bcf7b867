/** Why the process does not start, in words for whoever started it. Nothing is wrong with the program. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
