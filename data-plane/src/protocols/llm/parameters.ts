/** The members of a checked body that policy acts on. Everything else in it is the provider's business. */
import { memberValue, type ScannedJson } from "../../lib/json/scan-json.ts";
import type { PathParameters } from "../call.ts";

/** What an agent asks for: its body, and what was read from it. */
export interface Asked {
  readonly body: Buffer;
  /** Where the members of the body stand. */
  readonly scan: ScannedJson;
  readonly pathParameters: PathParameters;
  model: string;
  stream: boolean;
  /** Whether usage was asked for in the stream. */
  usageAsked: boolean;
  /** Whether the provider is asked for nothing beside what the agent asks for. */
  plain: boolean;
  /** How many answers are asked for at once. */
  choices: number;
  /** Undefined where the caller set no bound. */
  outputTokensMax: number | undefined;
}

/** How a dialect names the members of a request body that policy acts on, beside `model`. */
export interface ParameterNames {
  /** Upper bounds of the output in tokens. */
  readonly outputMax: readonly string[];
  readonly streams: boolean;
  /** What is the dialect's alone: each takes the member's value, and is false where that is at fault. */
  readonly own: ReadonlyMap<string, (value: unknown, asked: Asked) => boolean>;
}

const OUTPUT_TOKENS_MAX = 10_000_000;
const MODEL_CHARS_MAX = 128;

/** Fills in what is asked for, or says which parameter is at fault. */
export function readParameters(asked: Asked, names: ParameterNames): string | undefined {
  const { body } = asked;
  let modelGiven = false;
  for (const member of asked.scan.members) {
    const { key } = member;
    if (isLookAlike(key, names)) return key;
    if (key === "model") {
      const value = memberValue(body, member);
      if (typeof value !== "string" || value === "" || value.length > MODEL_CHARS_MAX) return key;
      asked.model = value;
      modelGiven = true;
    } else if (names.streams && key === "stream") {
      const value = memberValue(body, member);
      if (typeof value !== "boolean" && value !== null) return key;
      asked.stream = value === true;
    } else if (names.outputMax.includes(key)) {
      const value = memberValue(body, member);
      if (value !== null && !isCount(value, OUTPUT_TOKENS_MAX)) return key;
      // Two bounds: a provider may go by either, so the larger one is what the call may use.
      if (value !== null) asked.outputTokensMax = Math.max(asked.outputTokensMax ?? 0, value);
    } else if (names.own.get(key)?.(memberValue(body, member), asked) === false) return key;
  }
  return modelGiven ? undefined : "model";
}

/** A member that differs from one that policy acts on in its case only: some readers take it for that one. */
function isLookAlike(key: string, names: ParameterNames): boolean {
  if (!/[A-Z]/.test(key)) return false;
  const lower = key.toLowerCase();
  return lower === "model" || lower === "stream" || names.outputMax.includes(lower) || names.own.has(lower);
}

/** A whole number from 1 to `max`. */
export function isCount(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max;
}
