/**
 * A kind of document and the forms it has had. Code handles the newest form and no other: reading lifts what is older,
 * step by step, and writing lowers for whoever reads no newer. A form that a version leaves as it was costs nothing.
 */
import type { z } from "zod";

export interface Issue {
  /** Members joined by dots; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

export type Reading<T> =
  | { readonly ok: true; readonly value: T; readonly version: number }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Thrown where an older form has no words for what is to be written. It must not be written without them. */
export class CannotSayError extends Error {
  readonly code = "contract.cannot_say";
}

/** The forms of a document that does not itself state its version. */
export interface Form<T> {
  /** What is of this version, lifted to the newest. */
  read(document: unknown, version: number): Reading<T>;
  /** Lowered to this version. Throws `CannotSayError`. */
  write(value: T, version: number): object;
}

/** A form that is as old as the contract. The schema is closed. */
export function firstForm<T extends object>(schema: z.ZodType<T>): Form<T> {
  return {
    read: (document, version) => check(schema, document, version),
    write: (value) => value,
  };
}

export interface Change<Older, Newer> {
  /** The first version in which documents have the new form. */
  readonly since: number;
  /** Closed. */
  readonly schema: z.ZodType<Newer>;
  readonly up: (older: Older) => Newer;
  /** Throws `CannotSayError` for what the older form cannot say. */
  readonly down: (newer: Newer) => Older;
}

/** The form that replaces an older one. */
export function nextForm<Older, Newer extends object>(
  older: Form<Older>,
  { since, schema, up, down }: Change<Older, Newer>,
): Form<Newer> {
  return {
    read(document, version) {
      if (version >= since) return check(schema, document, version);
      const reading = older.read(document, version);
      return reading.ok ? { ...reading, value: up(reading.value) } : reading;
    },
    write: (value, version) => (version >= since ? value : older.write(down(value), version)),
  };
}

/** The forms of a document that states its version: `"schema": "headgate.<kind>/<version>"`. */
export interface Format<T> {
  /** Whatever version it states, as far as it is known. */
  read(document: unknown): Reading<T>;
  /** Throws `CannotSayError`. */
  write(value: T, version: number): object;
}

/**
 * `newest` is the highest version that is read. Documents that began to state theirs in version 2 are of version 1
 * where they do not.
 */
export function format<T>(
  kind: string,
  form: Form<T>,
  { newest, statedFrom }: { newest: number; statedFrom: 1 | 2 },
): Format<T> {
  return {
    read(document) {
      if (typeof document !== "object" || document === null || Array.isArray(document))
        return refused("", "must be an object");
      const { schema, ...rest }: { schema?: unknown } = document;
      const version = schema === undefined && statedFrom === 2 ? 1 : versionIn(schema, kind);
      if (version === undefined || (schema !== undefined && version < statedFrom))
        return refused("schema", `must be headgate.${kind}/ and a version`);
      if (version > newest)
        return refused("schema", `is of version ${version}; the newest known here is ${newest}`);
      return form.read(rest, version);
    },
    write(value, version) {
      const document = form.write(value, version);
      return version < statedFrom ? document : { schema: schemaOf(kind, version), ...document };
    },
  };
}

/** What a document's `schema` says. */
export function schemaOf(kind: string, version: number): string {
  return `headgate.${kind}/${version}`;
}

function versionIn(schema: unknown, kind: string): number | undefined {
  const [, stated, version] = /^headgate\.([a-z-]+)\/([1-9]\d{0,3})$/.exec(String(schema)) ?? [];
  return stated === kind ? Number(version) : undefined;
}

function check<T>(schema: z.ZodType<T>, document: unknown, version: number): Reading<T> {
  const parsed = schema.safeParse(document);
  if (parsed.success) return { ok: true, value: parsed.data, version };
  return {
    ok: false,
    issues: parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message })),
  };
}

function refused(path: string, message: string): Reading<never> {
  return { ok: false, issues: [{ path, message }] };
}
