/**
 * The closed set of request headers that the gateway acts on: those of every protocol, and those that a dialect says it
 * has. Whatever else a client sends (`x-headgate-*`, `x-tenant*`, `x-forwarded-*`, cookies, look-alikes with
 * underscores) is never read and never forwarded, because requests to providers are built anew from this set.
 */
export interface RequestHead {
  readonly authorization: string | undefined;
  readonly host: string | undefined;
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly transferEncoding: string | undefined;
  readonly upgrade: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly traceparent: string | undefined;
  /** How often the SDK says it has tried: recorded, never trusted. */
  readonly retryCount: string | undefined;
  /** A header of this set that came more than once; the first such. */
  readonly repeated: string | undefined;
  readonly headerCount: number;
  /** A protocol's own, by their names in lower case. */
  readonly [own: OwnHeader]: string | undefined;
}

type OwnHeader = `${string}-${string}`;

/**
 * Headers that a protocol acts on beside those of all. A `list` may come in several lines, which join as HTTP lists do;
 * a `credential` may carry the caller's key.
 */
export type OwnHeaders = Readonly<Record<OwnHeader, "single" | "list" | "credential">>;

const FIELDS = {
  authorization: "authorization",
  host: "host",
  "content-type": "contentType",
  "content-length": "contentLength",
  "content-encoding": "contentEncoding",
  "transfer-encoding": "transferEncoding",
  upgrade: "upgrade",
  "idempotency-key": "idempotencyKey",
  traceparent: "traceparent",
  "x-stainless-retry-count": "retryCount",
} as const;

type Field = (typeof FIELDS)[keyof typeof FIELDS] | OwnHeader;
type Mutable = { -readonly [K in keyof RequestHead]: RequestHead[K] };

/** Reads name and value pairs as Node keeps them in `rawHeaders`. */
export type ReadHead = (rawHeaders: readonly string[]) => RequestHead;

export function createHeadReader(own: OwnHeaders): ReadHead {
  const fieldOf = new Map<string, Field>(Object.entries(FIELDS));
  const lists = new Set<Field>();
  // Copies of one object have one shape, whichever headers come.
  const empty: Mutable = {
    authorization: undefined,
    host: undefined,
    contentType: undefined,
    contentLength: undefined,
    contentEncoding: undefined,
    transferEncoding: undefined,
    upgrade: undefined,
    idempotencyKey: undefined,
    traceparent: undefined,
    retryCount: undefined,
    repeated: undefined,
    headerCount: 0,
  };
  for (const name of ownNames(own)) {
    fieldOf.set(name, name);
    empty[name] = undefined;
    if (own[name] === "list") lists.add(name);
  }
  const lengths: boolean[] = [];
  for (const name of fieldOf.keys()) lengths[name.length] = true;

  return (rawHeaders) => {
    const head = { ...empty };
    head.headerCount = rawHeaders.length / 2;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] ?? "";
      if (lengths[name.length] !== true) continue;
      const field = fieldOf.get(name) ?? fieldOf.get(name.toLowerCase());
      if (field === undefined) continue;
      const value = rawHeaders[index + 1] ?? "";
      const before = head[field];
      if (before === undefined) head[field] = value;
      else if (lists.has(field)) head[field] = `${before},${value}`;
      else head.repeated ??= name.toLowerCase();
    }
    return head;
  };
}

/** The headers that may carry the caller's key, beside `Authorization`. */
export function credentialHeaders(own: OwnHeaders): OwnHeader[] {
  return ownNames(own).filter((name) => own[name] === "credential");
}

function ownNames(own: OwnHeaders): OwnHeader[] {
  return Object.keys(own).filter((name): name is OwnHeader => name.includes("-"));
}
