/** Media types as their grammar has them (RFC 9110, section 8.3.1): names in any case, parameters in any order. */
export interface MediaType {
  /** Type and subtype in lower case. */
  readonly essence: string;
  /** In lower case; undefined where none is told. */
  readonly charset: string | undefined;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const ESSENCE = new RegExp(`^[ \\t]*(${TOKEN}/${TOKEN})[ \\t]*`);
const PARAMETER = new RegExp(
  `;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\[\\t\\x20-\\x7e])*)"))?[ \\t]*`,
  "y",
);

/** Undefined where the value is no media type. */
export function parseMediaType(value: string): MediaType | undefined {
  const found = ESSENCE.exec(value);
  if (found === null) return undefined;
  let charset: string | undefined;
  let at = found[0].length;
  while (at < value.length) {
    PARAMETER.lastIndex = at;
    const parameter = PARAMETER.exec(value);
    if (parameter === null) return undefined;
    const [text, name, token, quoted] = parameter;
    if (name?.toLowerCase() === "charset") {
      charset ??= (token ?? (quoted ?? "").replace(/\\(.)/g, "$1")).toLowerCase();
    }
    at += text.length;
  }
  return { essence: (found[1] ?? "").toLowerCase(), charset };
}

/** `application/json`, and types that are written in it (RFC 6839). */
export function isJsonType(value: string | string[] | undefined): boolean {
  if (value === "application/json") return true;
  const essence = typeof value === "string" ? parseMediaType(value)?.essence : undefined;
  return essence === "application/json" || essence?.endsWith("+json") === true;
}

export function isEventStream(value: string | string[] | undefined): boolean {
  if (value === "text/event-stream") return true;
  return typeof value === "string" && parseMediaType(value)?.essence === "text/event-stream";
}
