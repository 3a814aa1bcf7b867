/** The only reader of the environment. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { parseNetwork } from "./lib/network.ts";
import { Refusal } from "./lib/refusal.ts";

export interface Config {
  /** What this process does: the API, the worker that provisions, or both. */
  readonly role: "all" | "api" | "worker";
  /** Absolute. Holds the embedded database, the platform's key, the operator's token and local data planes. */
  readonly dataDirectory: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly metricsPort: number;
  /** Postgres; without it the database is embedded. */
  readonly databaseUrl?: string | undefined;
  /** Of the API's and the worker's processes, for whoever brings the schema up to date. */
  readonly databaseLogins: readonly string[];
  /** Without it one is made and kept in the data directory. */
  readonly operatorToken?: string | undefined;
  /** The platform's key; without it one is made and kept in the data directory. */
  readonly keyFile?: string | undefined;
  readonly driver: "local" | "none" | "pulumi";
  /** There with the driver `pulumi` in a process that provisions. */
  readonly pulumi?: PulumiConfig | undefined;
  /** The data plane's main module; the workspace's own build when absent. */
  readonly dataPlaneEntry?: string | undefined;
  /** Under which data planes reach this server; without it the address it listens on. */
  readonly publicUrl?: string | undefined;
  /** Networks in CIDR notation that tenants may open to their providers, although they are not the public internet. */
  readonly privateNetworks: readonly string[];
  /** Whether stopping drains the data planes, or leaves them to the next control plane. */
  readonly stopDataPlanesOnExit: boolean;
  /** Between two passes over the ledger that look for what breaks its invariants; 0 for none. */
  readonly ledgerAuditMs: number;
  /** Of pages whose scripts may call the API. */
  readonly allowedOrigins: readonly string[];
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "silent";
  /** For the drivers, which pass a few names of it on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface PulumiConfig {
  /** Where the state of the stacks is. May hold a password. */
  readonly backend: string;
  readonly passphraseFile: string;
  /** By digest: what data planes run until a release says otherwise. */
  readonly dataPlaneImage: string;
  readonly collectorImage: string;
  readonly operationsMax: number;
  readonly operationsPerRegion: number;
  readonly deadlineMs: number;
  /** 0: nobody looks for drift unasked. */
  readonly driftMs: number;
  readonly repairsDrift: boolean;
}

const port = z
  .string()
  .regex(/^\d{1,5}$/, "must be a port, 0 to 65535")
  .transform(Number)
  .pipe(z.number().max(65_535, "must be a port, 0 to 65535"));

const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);

const networks = list.refine(
  (cidrs) => cidrs.every((cidr) => parseNetwork(cidr) !== undefined),
  "must be networks such as 10.0.0.0/8, with commas between them",
);

/** As browsers send them, which also means never a wildcard. */
const origins = list.refine(
  (texts) => texts.every((text) => /^https?:[^*]+$/.test(text) && URL.parse(text)?.origin === text),
  "must be origins such as https://console.example.com, with commas between them",
);

/** A whole number in decimal digits. */
const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/, `must be a whole number, ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

const path = z.string().min(1);

const imageByDigest = z
  .string()
  .regex(/^[a-z0-9][a-zA-Z0-9./:_-]*@sha256:[0-9a-f]{64}$/, "must be an image by digest: name@sha256:...");

/** With the embedded database the platform is somebody's own machine, and its providers may be there as well. */
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

const schema = z.strictObject({
  HEADGATE_ROLE: z.enum(["all", "api", "worker"]).default("all"),
  HEADGATE_DATA_DIR: z.string().min(1).default(".headgate/control-plane"),
  HEADGATE_HOST: z.string().min(1).default("127.0.0.1"),
  HEADGATE_PORT: port.prefault("8080"),
  HEADGATE_METRICS_PORT: port.prefault("9464"),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: "must be postgres://user:password@host/database" })
    .optional(),
  HEADGATE_DATABASE_LOGINS: list.default([]),
  HEADGATE_OPERATOR_TOKEN: z
    .string()
    .regex(/^hgo_[A-Za-z0-9_-]{32,200}$/, "must be hgo_ and at least 32 letters or digits")
    .optional(),
  HEADGATE_KEY_FILE: path.optional(),
  HEADGATE_DRIVER: z.enum(["local", "none", "pulumi"]).default("local"),
  HEADGATE_PULUMI_BACKEND: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]*:\/\//, "must be a URL such as postgres://, s3:// or file://")
    .optional(),
  HEADGATE_PULUMI_PASSPHRASE_FILE: path.optional(),
  HEADGATE_DATA_PLANE_IMAGE: imageByDigest.optional(),
  HEADGATE_COLLECTOR_IMAGE: imageByDigest.optional(),
  HEADGATE_OPERATIONS_MAX: whole(1, 256).prefault("4"),
  HEADGATE_OPERATIONS_PER_REGION: whole(1, 256).optional(),
  HEADGATE_OPERATION_DEADLINE_SECONDS: whole(30, 86_400).prefault("900"),
  HEADGATE_DRIFT_MINUTES: whole(0, 10_080).prefault("30"),
  HEADGATE_DRIFT_REPAIR: z.enum(["true", "false"]).default("true"),
  HEADGATE_DATA_PLANE_ENTRY: z.string().min(1).optional(),
  HEADGATE_PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).optional(),
  HEADGATE_PRIVATE_NETWORKS: networks.optional(),
  HEADGATE_LOCAL_STOP_ON_EXIT: z.enum(["true", "false"]).default("true"),
  HEADGATE_LEDGER_AUDIT_SECONDS: whole(0, 86_400).prefault("10"),
  HEADGATE_ALLOWED_ORIGINS: origins.default([]),
  HEADGATE_LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "silent"]).default("info"),
});

/** Each may be given by a file instead, under the name with `_FILE` after it (`DATABASE_URL` as `HEADGATE_DATABASE_URL_FILE`). */
const BY_FILE = {
  HEADGATE_DATABASE_URL_FILE: "DATABASE_URL",
  HEADGATE_OPERATOR_TOKEN_FILE: "HEADGATE_OPERATOR_TOKEN",
  HEADGATE_PULUMI_BACKEND_FILE: "HEADGATE_PULUMI_BACKEND",
} as const;

/** Reads the configuration. Throws a `Refusal` that names every variable that is wrong, and no value. */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const ours = Object.entries(environment).filter(
    ([name, value]) => value !== undefined && (name.startsWith("HEADGATE_") || name === "DATABASE_URL"),
  );
  const parsed = schema.safeParse(withFiles(Object.fromEntries(ours)));
  if (!parsed.success)
    throw new Refusal(`The environment is not valid:\n${parsed.error.issues.map(describe).join("\n")}`);
  const values = parsed.data;
  requireRole(values);
  return {
    role: values.HEADGATE_ROLE,
    dataDirectory: resolve(values.HEADGATE_DATA_DIR),
    host: values.HEADGATE_HOST,
    port: values.HEADGATE_PORT,
    metricsPort: values.HEADGATE_METRICS_PORT,
    databaseUrl: values.DATABASE_URL,
    databaseLogins: values.HEADGATE_DATABASE_LOGINS,
    operatorToken: values.HEADGATE_OPERATOR_TOKEN,
    keyFile: values.HEADGATE_KEY_FILE === undefined ? undefined : resolve(values.HEADGATE_KEY_FILE),
    driver: values.HEADGATE_DRIVER,
    pulumi: pulumiConfig(values),
    dataPlaneEntry: values.HEADGATE_DATA_PLANE_ENTRY,
    publicUrl: values.HEADGATE_PUBLIC_URL?.replace(/\/+$/, ""),
    privateNetworks: values.HEADGATE_PRIVATE_NETWORKS ?? (values.DATABASE_URL === undefined ? LOOPBACK : []),
    stopDataPlanesOnExit: values.HEADGATE_LOCAL_STOP_ON_EXIT === "true",
    ledgerAuditMs: values.HEADGATE_LEDGER_AUDIT_SECONDS * 1_000,
    allowedOrigins: values.HEADGATE_ALLOWED_ORIGINS,
    logLevel: values.HEADGATE_LOG_LEVEL,
    environment,
  };
}

type Values = z.infer<typeof schema>;

/** Takes in what is given by file: a value that is in the environment reaches every child and every crash report. */
function withFiles(given: Record<string, string | undefined>): Record<string, string | undefined> {
  const values = { ...given };
  for (const [fileVariable, variable] of Object.entries(BY_FILE)) {
    const file = values[fileVariable];
    if (file === undefined) continue;
    delete values[fileVariable];
    if (values[variable] !== undefined)
      throw new Refusal(`${variable} and ${fileVariable} are both set; one of them has to go.`);
    try {
      values[variable] = readFileSync(file, "utf8").trim();
    } catch (cause) {
      throw new Refusal(`${fileVariable}: ${file} cannot be read.`, { cause });
    }
  }
  return values;
}

/** Processes that share the work share a database, a key and a token, so none of these may be made up by one of them. */
function requireRole(values: Values): void {
  const { HEADGATE_ROLE: role } = values;
  if (role === "all") return;
  const wanted: [boolean, string][] = [
    [values.DATABASE_URL === undefined, "DATABASE_URL (the embedded database belongs to one process)"],
    [role === "api" && values.HEADGATE_OPERATOR_TOKEN === undefined, "HEADGATE_OPERATOR_TOKEN"],
    [
      role === "worker" && values.HEADGATE_DRIVER === "local" && values.HEADGATE_PUBLIC_URL === undefined,
      "HEADGATE_PUBLIC_URL (under which data planes reach the API)",
    ],
  ];
  const missing = wanted.filter(([isMissing]) => isMissing).map(([, name]) => `  ${name}`);
  if (missing.length > 0) throw new Refusal(`HEADGATE_ROLE=${role} also needs:\n${missing.join("\n")}`);
}

function pulumiConfig(values: Values): PulumiConfig | undefined {
  if (values.HEADGATE_DRIVER !== "pulumi" || values.HEADGATE_ROLE === "api") return undefined;
  const {
    HEADGATE_PULUMI_BACKEND: backend,
    HEADGATE_PULUMI_PASSPHRASE_FILE: passphraseFile,
    HEADGATE_DATA_PLANE_IMAGE: dataPlaneImage,
    HEADGATE_COLLECTOR_IMAGE: collectorImage,
  } = values;
  if (
    backend === undefined ||
    passphraseFile === undefined ||
    dataPlaneImage === undefined ||
    collectorImage === undefined
  )
    throw new Refusal(
      "HEADGATE_DRIVER=pulumi also needs HEADGATE_PULUMI_BACKEND, HEADGATE_PULUMI_PASSPHRASE_FILE, HEADGATE_DATA_PLANE_IMAGE and HEADGATE_COLLECTOR_IMAGE.",
    );
  return {
    backend,
    passphraseFile: resolve(passphraseFile),
    dataPlaneImage,
    collectorImage,
    operationsMax: values.HEADGATE_OPERATIONS_MAX,
    operationsPerRegion: values.HEADGATE_OPERATIONS_PER_REGION ?? values.HEADGATE_OPERATIONS_MAX,
    deadlineMs: values.HEADGATE_OPERATION_DEADLINE_SECONDS * 1_000,
    driftMs: values.HEADGATE_DRIFT_MINUTES * 60_000,
    repairsDrift: values.HEADGATE_DRIFT_REPAIR === "true",
  };
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return `  ${issue.keys.join(", ")}: there is no such variable`;
  return `  ${issue.path.join(".")}: ${issue.message}`;
}
