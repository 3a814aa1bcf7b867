/**
 * The data plane's configuration: `HEADGATE_*` of the environment, read once. A name of that prefix that is not known is
 * refused, because a misspelt setting that is passed over is worse than a process that does not start. Other variables
 * (`OTEL_*` among them) belong to others.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";

export interface Config {
  readonly controlPlaneUrl: string;
  /** Undefined when none is given. A file is read anew each time, since it may be written late or replaced. */
  readonly joinToken: () => string | undefined;
  /** Of the pod on a cluster, read anew each time; undefined where none is configured. */
  readonly serviceAccountToken: (() => string | undefined) | undefined;
  readonly state:
    | { readonly kind: "own"; readonly directory: string }
    /** On a volume that replicas share: each takes a directory of its own in it. */
    | { readonly kind: "shared"; readonly root: string };
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly adminPort: number;
  /** Accepted `Host` values, in lower case; undefined: the process's own addresses and localhost. */
  readonly authorities: readonly string[] | undefined;
  readonly spoolBytesMax: number;
  /** From the request to end until no more connections are taken. */
  readonly drainDelayMs: number;
  readonly drainMs: number;
  readonly traces: "none" | "console" | "otlp";
}

/** Names every setting that is wrong, and never the value of one. */
export class ConfigError extends Error {
  readonly code = "config_invalid";
}

export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const own = Object.entries(environment).filter(([name]) => name.startsWith("HEADGATE_"));
  const parsed = variables.safeParse(Object.fromEntries(own));
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap(describe).map((problem) => `\n  ${problem}`);
    throw new ConfigError(`The configuration is not valid:${problems.join("")}`);
  }
  const values = parsed.data;
  return {
    controlPlaneUrl: values.HEADGATE_CONTROL_PLANE_URL,
    joinToken: joinTokenReader(values.HEADGATE_JOIN_TOKEN, values.HEADGATE_JOIN_TOKEN_FILE),
    serviceAccountToken: fileReader(values.HEADGATE_SERVICE_ACCOUNT_TOKEN_FILE),
    state: stateOf(values.HEADGATE_STATE_DIR, values.HEADGATE_SHARED_STATE_DIR),
    host: values.HEADGATE_HOST,
    port: values.HEADGATE_PORT,
    adminPort: values.HEADGATE_ADMIN_PORT,
    authorities: values.HEADGATE_AUTHORITIES,
    spoolBytesMax: values.HEADGATE_SPOOL_BYTES_MAX,
    drainDelayMs: values.HEADGATE_DRAIN_DELAY_SECONDS * 1_000,
    drainMs: values.HEADGATE_DRAIN_SECONDS * 1_000,
    traces: values.HEADGATE_TRACES,
  };
}

const port = (byDefault: number) => wholeNumber(0, 65_535, byDefault);

function wholeNumber(min: number, max: number, byDefault: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
    .default(byDefault);
}

const MEBIBYTE = 1024 * 1024;

const variables = z
  .strictObject({
    HEADGATE_CONTROL_PLANE_URL: z.string("is required").superRefine((text, { addIssue }) => {
      const message = faultOfBaseUrl(text);
      if (message !== undefined) addIssue({ code: "custom", message });
    }),
    HEADGATE_JOIN_TOKEN: z.string().min(1, "must not be empty").optional(),
    HEADGATE_JOIN_TOKEN_FILE: z.string().min(1, "must not be empty").optional(),
    HEADGATE_SERVICE_ACCOUNT_TOKEN_FILE: z.string().min(1, "must not be empty").optional(),
    HEADGATE_STATE_DIR: z.string().min(1, "must not be empty").optional(),
    HEADGATE_SHARED_STATE_DIR: z.string().min(1, "must not be empty").optional(),
    HEADGATE_HOST: z.string().min(1, "must not be empty").default("127.0.0.1"),
    HEADGATE_PORT: port(8_800),
    HEADGATE_ADMIN_PORT: port(9_800),
    HEADGATE_AUTHORITIES: z
      .string()
      .transform((list) => list.split(",").map((authority) => authority.trim().toLowerCase()))
      .refine(
        (list) => list.every((authority) => AUTHORITY.test(authority)),
        "must be host or host:port, by commas",
      )
      .optional(),
    HEADGATE_SPOOL_BYTES_MAX: wholeNumber(MEBIBYTE, Number.MAX_SAFE_INTEGER, 1_024 * MEBIBYTE),
    HEADGATE_DRAIN_DELAY_SECONDS: wholeNumber(0, 600, 0),
    HEADGATE_DRAIN_SECONDS: wholeNumber(0, 86_400, 600),
    HEADGATE_TRACES: z.enum(["none", "console", "otlp"], "must be none, console or otlp").default("none"),
  })
  .refine(
    (values) => values.HEADGATE_JOIN_TOKEN === undefined || values.HEADGATE_JOIN_TOKEN_FILE === undefined,
    { path: ["HEADGATE_JOIN_TOKEN"], message: "must not be set together with HEADGATE_JOIN_TOKEN_FILE" },
  )
  .refine(
    (values) => values.HEADGATE_STATE_DIR === undefined || values.HEADGATE_SHARED_STATE_DIR === undefined,
    { path: ["HEADGATE_STATE_DIR"], message: "must not be set together with HEADGATE_SHARED_STATE_DIR" },
  )
  .refine(
    (values) => values.HEADGATE_STATE_DIR !== undefined || values.HEADGATE_SHARED_STATE_DIR !== undefined,
    {
      path: ["HEADGATE_STATE_DIR"],
      message: "is required, or HEADGATE_SHARED_STATE_DIR in its place",
      // Also beside other faults, so that all are named at once.
      when: () => true,
    },
  );

const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/;

function faultOfBaseUrl(text: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return "must begin with http:// or https://, as in https://headgate.example.com";
  }
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === null || !isHttp || [url.username, url.password, url.search, url.hash].some(Boolean)) {
    return "must be an http or https URL without user, query and fragment";
  }
  return /\/trpc\/?$/.test(url.pathname)
    ? "must be the address of the control plane, without the /trpc of its API"
    : undefined;
}

function describe(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((name) => `${name} is not a known setting`);
  return [`${issue.path.join(".")} ${issue.message}`];
}

function joinTokenReader(token: string | undefined, file: string | undefined): () => string | undefined {
  return fileReader(file) ?? (() => token);
}

function fileReader(file: string | undefined): (() => string | undefined) | undefined {
  return file === undefined ? undefined : () => readFileSync(file, "utf8").trim() || undefined;
}

function stateOf(own: string | undefined, shared: string | undefined): Config["state"] {
  return shared === undefined ? { kind: "own", directory: own ?? "" } : { kind: "shared", root: shared };
}
