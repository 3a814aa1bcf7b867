/**
 * Values as they travel between SDK and engine and as they lie in the state: plain JSON in which objects with a
 * signature key stand for secrets, resource references and outputs, and one reserved string for "not known yet".
 */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type SecretValue = JsonObject & { readonly [SIGNATURE]: typeof SECRET };

export function isSecret(value: Json | undefined): value is SecretValue {
  return isObject(value) && value[SIGNATURE] === SECRET;
}

export function toSecret(value: Json): Json {
  return isSecret(value) ? value : { [SIGNATURE]: SECRET, value };
}

/** The value without its markers: what is sent to an API or compared. */
export function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  const signature = value[SIGNATURE];
  if (signature === SECRET) return plain(value["value"] ?? null);
  if (signature === OUTPUT_VALUE) return "value" in value ? plain(value["value"] ?? null) : UNKNOWN;
  return mapValues(value, plain);
}

export function plainObject(value: JsonObject): JsonObject {
  return plain(value) as JsonObject;
}

export function containsUnknown(value: Json): boolean {
  return some(value, (inner) => inner === UNKNOWN);
}

/** The value as people may see it, in events and logs. */
export function masked(value: Json): Json {
  if (isSecret(value)) return "[secret]";
  if (Array.isArray(value)) return value.map(masked);
  return isObject(value) ? mapValues(value, masked) : value;
}

/** `value`, with everything marked secret that is secret at the same place in `model`. */
export function withSecretsOf(model: Json | undefined, value: Json): Json {
  if (model === undefined) return value;
  if (isSecret(model)) return toSecret(value);
  if (Array.isArray(model) && Array.isArray(value)) {
    return value.map((item, index) => withSecretsOf(model[index], item));
  }
  if (isObject(model) && isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withSecretsOf(model[key], item)]),
    );
  }
  return value;
}

export function mapValues(value: JsonObject, map: (item: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, map(item)]));
}

/** Values equal as JSON, whatever the order of keys. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameJson(a[key], b[key]));
}

function some(value: Json, test: (inner: Json) => boolean): boolean {
  if (test(value)) return true;
  if (Array.isArray(value)) return value.some((item) => some(item, test));
  return isObject(value) && Object.values(value).some((item) => some(item, test));
}
