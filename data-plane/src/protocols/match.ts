/** Which endpoint a request is for. A path without parameters is found with one look. */
import type { PathParameters } from "./call.ts";
import type { Endpoint, Protocol } from "./protocol.ts";
import type { ReplyStyle } from "./reply-style.ts";
import { createHeadReader, credentialHeaders, type ReadHead, type RequestHead } from "./request-head.ts";

export interface Protocols {
  readonly readHead: ReadHead;
  /** Headers that may carry the caller's key, beside `Authorization`. */
  readonly credentialHeaders: readonly (keyof RequestHead)[];
  /** With another method than the endpoint's own, where the path is served with that one only. */
  match(method: string, path: string, head: RequestHead): Match | undefined;
  /** What a caller is told whose path is nobody's: where it may have wanted to go, else all that is served. */
  hintFor(path: string): string;
  /** For a 405's `Allow`. */
  methodsAt(path: string): string;
  /** How a caller is spoken to whose path is nobody's. */
  styleFor(path: string, head: RequestHead): ReplyStyle;
  /** How a caller is spoken to of whom nothing is known. */
  readonly plainStyle: ReplyStyle;
}

export interface Match {
  readonly endpoint: Endpoint;
  readonly pathParameters: PathParameters;
}

export const NO_PATH_PARAMETERS: PathParameters = {};

export function createProtocols(protocols: readonly Protocol[]): Protocols {
  const headers = Object.assign({}, ...protocols.map((protocol) => protocol.headers));
  const endpoints = protocols.flatMap((protocol) => protocol.endpoints);
  const exact = new Map<string, Match[]>();
  for (const endpoint of endpoints) {
    const matches = exact.get(endpoint.path) ?? [];
    matches.push({ endpoint, pathParameters: NO_PATH_PARAMETERS });
    exact.set(endpoint.path, matches);
  }
  const templates = endpoints
    .filter(({ path }) => path.includes("{"))
    .map((endpoint) => ({ endpoint, pattern: patternOf(endpoint.path) }));
  const [first] = endpoints;
  if (first === undefined) throw new Error("nothing is served");

  const matchesAt = (path: string): readonly Match[] =>
    exact.get(path) ??
    templates.flatMap(({ endpoint, pattern }) => {
      const found = pattern.exec(path);
      return found === null ? [] : [{ endpoint, pathParameters: decoded(found.groups) }];
    });

  const prefixes = [
    "",
    ...endpoints.flatMap(({ path }) => /^\/[^/{]+(?=\/)/.exec(path) ?? []).filter(isFirst),
  ];
  /** Clients join their base URL and a path: of the one there may be too little or too much. */
  const meantBy = (path: string) => {
    const trimmed = path.replace(/\/+$/, "");
    for (let start = 0; start !== -1; start = trimmed.indexOf("/", start + 1)) {
      for (const lacks of prefixes) {
        const [match] = matchesAt(lacks + trimmed.slice(start));
        if (match !== undefined) return { endpoint: match.endpoint, lacks };
      }
    }
    return undefined;
  };

  return {
    readHead: createHeadReader(headers),
    credentialHeaders: credentialHeaders(headers),
    match(method, path, head) {
      const matches = matchesAt(path);
      if (matches.length < 2) return matches[0];
      const fitting = matches.filter(({ endpoint }) => endpoint.method === method);
      const candidates = fitting.length > 0 ? fitting : matches;
      return candidates.find(({ endpoint }) => endpoint.claims(path, head)) ?? candidates[0];
    },
    hintFor(path) {
      const meant = path.length > HINT_CHARS_MAX ? undefined : meantBy(path);
      if (meant === undefined) return `Served are ${endpoints.map(told).filter(isFirst).join(", ")}.`;
      const { endpoint, lacks } = meant;
      const fault = lacks === "" ? "" : `, which seems to lack ${lacks}`;
      return `${told(endpoint)} is served: check the client's base URL${fault}.`;
    },
    methodsAt: (path) => [...new Set(matchesAt(path).map(({ endpoint }) => endpoint.method))].join(", "),
    styleFor(path, head) {
      for (const protocol of protocols) {
        const style = protocol.styleFor(path, head);
        if (style !== undefined) return style;
      }
      return first.style;
    },
    plainStyle: first.style,
  };
}

/** Whoever sends longer ones has no wrong base URL. */
const HINT_CHARS_MAX = 256;

function told({ method, path }: Endpoint): string {
  return `${method} ${path}`;
}

function isFirst<Value>(value: Value, index: number, all: readonly Value[]): boolean {
  return all.indexOf(value) === index;
}

/** A segment that is no dots: another reader would take the path for another one. */
const SEGMENT = "(?!\\.{1,2}(?:/|%2[Ff]|$))[A-Za-z0-9._:@~-]+";
/** With escapes of what is in names of models: clients escape a name that they take for one segment. */
const ESCAPED_SEGMENT = "(?!\\.{1,2}(?:/|%2[Ff]|$))(?:[A-Za-z0-9._:@~-]|%3[Aa]|%40)+";

/** Escapes, slashes and dot segments are in no parameter but those that are told to take them. */
function patternOf(path: string): RegExp {
  const source = path.split(/(\{[a-z]+(?:\.\.\.)?\})/).map((part) => {
    if (!part.startsWith("{")) return part.replace(/[^A-Za-z0-9/]/g, "\\$&");
    const name = part.replace(/[^a-z]/g, "");
    return part.endsWith("...}")
      ? `(?<${name}>${ESCAPED_SEGMENT}(?:(?:/|%2[Ff])${ESCAPED_SEGMENT})*)`
      : `(?<${name}>${SEGMENT})`;
  });
  return new RegExp(`^${source.join("")}$`);
}

function decoded(groups: PathParameters = NO_PATH_PARAMETERS): PathParameters {
  return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodeURIComponent(text)]));
}
