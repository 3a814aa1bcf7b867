export type Redact = (text: string) => string;

/** Shorter ones would take ordinary words out. */
const SECRET_CHARS_MIN = 8;
const MARK = "[redacted]";

/** Known by their form, wherever they come from: join secrets, operators' tokens, API keys, JWTs, passwords in URLs. */
const FORMS: readonly [RegExp, string][] = [
  [/\bhgj_[1-9A-HJ-NP-Za-km-z]{40}\b/g, MARK],
  [/\bhgo_[A-Za-z0-9_-]{32,}/g, MARK],
  [/\bhg_(live|test)_[A-Za-z0-9_-]{16,}/g, MARK],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, MARK],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*):[^\s@"']+@/gi, `$1:${MARK}@`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, MARK],
];

/** Takes secrets out of texts: as they are, as base64, and as they stand inside JSON. */
export function createRedact(secrets: readonly string[]): Redact {
  const forms = secrets
    .filter((secret) => secret.length >= SECRET_CHARS_MIN)
    .flatMap((secret) => [
      secret,
      Buffer.from(secret).toString("base64"),
      JSON.stringify(secret).slice(1, -1),
    ]);
  // The longest first: one may be a part of another.
  const known = [...new Set(forms)].toSorted((a, b) => b.length - a.length);
  return (text) => {
    const without = known.reduce((rest, secret) => rest.replaceAll(secret, MARK), text);
    return FORMS.reduce((rest, [form, mark]) => rest.replace(form, mark), without);
  };
}

/** The same for every text within a value. */
export function redactWithin(value: unknown, redact: Redact): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactWithin(item, redact));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redact(key), redactWithin(item, redact)]),
  );
}

/** What is secret in a kubeconfig, beside the whole of it. */
export function secretsOfKubeconfig(kubeconfig: string): string[] {
  const found = kubeconfig.matchAll(
    /["']?(?:token|password|client-key-data|client-secret|refresh-token|id-token|access-token)["']?\s*:\s*["']?([^\s"',}]+)/g,
  );
  const values = [...found].map(([, value]) => value ?? "");
  const decoded = values.map((value) => Buffer.from(value, "base64").toString("utf8"));
  return [kubeconfig, ...values, ...decoded.filter((text) => /^[\x20-\x7e\s]+$/.test(text))];
}
