/**
 * The closed set of request headers that the gateway acts on. Whatever else a client sends (`x-headgate-*`,
 * `x-tenant*`, `x-forwarded-*`, cookies, look-alikes with underscores) is never read and never forwarded, because
 * requests to providers are built anew from this set.
 */
export interface RequestHead {
  readonly authorization: string | undefined;
  readonly xApiKey: string | undefined;
  readonly apiKey: string | undefined;
  readonly host: string | undefined;
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly transferEncoding: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly traceparent: string | undefined;
  readonly anthropicVersion: string | undefined;
  readonly anthropicBeta: string | undefined;
  readonly openaiBeta: string | undefined;
  /** How often the SDK says it has tried: recorded, never trusted. */
  readonly retryCount: string | undefined;
  /** A header of this set that came more than once; the first such. */
  readonly repeated: string | undefined;
  readonly headerCount: number;
}

const FIELDS = {
  authorization: "authorization",
  "x-api-key": "xApiKey",
  "api-key": "apiKey",
  host: "host",
  "content-type": "contentType",
  "content-length": "contentLength",
  "content-encoding": "contentEncoding",
  "transfer-encoding": "transferEncoding",
  "idempotency-key": "idempotencyKey",
  traceparent: "traceparent",
  "anthropic-version": "anthropicVersion",
  "anthropic-beta": "anthropicBeta",
  "openai-beta": "openaiBeta",
  "x-stainless-retry-count": "retryCount",
} as const satisfies Record<string, keyof RequestHead>;

type Field = (typeof FIELDS)[keyof typeof FIELDS];
const FIELD_OF: ReadonlyMap<string, Field> = new Map(Object.entries(FIELDS));
/** SDKs may send feature flags in several lines; these join as HTTP lists do. */
const LISTS: ReadonlySet<Field> = new Set(["anthropicBeta", "openaiBeta"]);
const LENGTHS: readonly boolean[] = Array.from({ length: 32 }, (_, length) =>
  Object.keys(FIELDS).some((name) => name.length === length),
);

/** Reads name and value pairs as Node keeps them in `rawHeaders`. */
export function readRequestHead(rawHeaders: readonly string[]): RequestHead {
  const head = emptyHead(rawHeaders.length / 2);
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (LENGTHS[name.length] !== true) continue;
    const field = FIELD_OF.get(name) ?? FIELD_OF.get(name.toLowerCase());
    if (field === undefined) continue;
    const value = rawHeaders[index + 1] ?? "";
    const before = head[field];
    if (before === undefined) head[field] = value;
    else if (LISTS.has(field)) head[field] = `${before},${value}`;
    else head.repeated ??= name.toLowerCase();
  }
  return head;
}

type Mutable = { -readonly [K in keyof RequestHead]: RequestHead[K] };

function emptyHead(headerCount: number): Mutable {
  return {
    authorization: undefined,
    xApiKey: undefined,
    apiKey: undefined,
    host: undefined,
    contentType: undefined,
    contentLength: undefined,
    contentEncoding: undefined,
    transferEncoding: undefined,
    idempotencyKey: undefined,
    traceparent: undefined,
    anthropicVersion: undefined,
    anthropicBeta: undefined,
    openaiBeta: undefined,
    retryCount: undefined,
    repeated: undefined,
    headerCount,
  };
}
