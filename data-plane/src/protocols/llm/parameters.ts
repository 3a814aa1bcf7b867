/** The members of a checked body that policy acts on. Everything else in it is the provider's business. */
import { type JsonMember, memberValue } from "../../lib/json/scan-json.ts";
import type { CallParameters, Exchange, Refusal } from "../../pipeline/exchange.ts";
import type { ParameterNames } from "../protocol.ts";

const OUTPUT_TOKENS_MAX = 10_000_000;
const CHOICES_MAX = 128;
const MODEL_CHARS_MAX = 128;

/** Fills in `exchange.parameters`, or says which parameter is at fault. */
export function readParameters(exchange: Exchange): Refusal | undefined {
  const names = exchange.protocol?.parameters;
  if (names === undefined) return undefined;
  let model: string | undefined;
  let stream = false;
  let usageAsked = false;
  let choices = 1;
  let outputTokensMax: number | undefined;
  for (const member of exchange.members) {
    const { key } = member;
    if (isLookAlike(key, names)) return invalid(key);
    if (names.notTrue.includes(key)) {
      if (memberValue(exchange.body, member) === true) return invalid(key);
    } else if (key === "model") {
      const value = memberValue(exchange.body, member);
      if (typeof value !== "string" || value === "" || value.length > MODEL_CHARS_MAX)
        return invalid("model");
      model = value;
    } else if (names.streams && key === "stream") {
      const value = memberValue(exchange.body, member);
      if (typeof value !== "boolean" && value !== null) return invalid("stream");
      stream = value === true;
    } else if (names.streams && key === "stream_options") {
      const asked = readUsageAsked(exchange.body, member);
      if (asked === undefined) return invalid("stream_options");
      usageAsked = asked;
    } else if (key === names.choices) {
      const value = memberValue(exchange.body, member);
      if (value !== null && !isCount(value, CHOICES_MAX)) return invalid(key);
      choices = value ?? 1;
    } else if (names.outputMax.includes(key)) {
      const value = memberValue(exchange.body, member);
      if (value !== null && !isCount(value, OUTPUT_TOKENS_MAX)) return invalid(key);
      // Two bounds: a provider may go by either, so the larger one is what the call may use.
      if (value !== null) outputTokensMax = Math.max(outputTokensMax ?? 0, value);
    }
  }
  if (model === undefined) return invalid("model");
  const parameters: CallParameters = {
    model,
    stream,
    outputTokensMax,
    choices,
    usageAsked,
  };
  exchange.parameters = parameters;
  return undefined;
}

/** A member that differs from one that policy acts on in its case only: some readers take it for that one. */
function isLookAlike(key: string, names: ParameterNames): boolean {
  if (!/[A-Z]/.test(key)) return false;
  const lower = key.toLowerCase();
  return (
    lower === "model" ||
    lower === "stream" ||
    lower === "stream_options" ||
    lower === names.choices ||
    names.outputMax.includes(lower) ||
    names.notTrue.includes(lower)
  );
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max;
}

function readUsageAsked(body: Buffer, member: JsonMember): boolean | undefined {
  const value = memberValue(body, member);
  if (value === null) return false;
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const asked = "include_usage" in value ? value.include_usage : false;
  return typeof asked === "boolean" || asked === null ? asked === true : undefined;
}

function invalid(parameter: string): Refusal {
  return { code: "request.invalid_parameter", parameter };
}
