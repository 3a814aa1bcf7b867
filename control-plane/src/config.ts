/** The only reader of the environment. */
import { resolve } from "node:path";
import { z } from "zod";
import { parseNetwork } from "./lib/network.ts";
import { Refusal } from "./lib/refusal.ts";

export interface Config {
  /** Absolute. Holds the embedded database, the platform's key, the operator's token and local data planes. */
  readonly dataDirectory: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly metricsPort: number;
  /** Postgres; without it the database is embedded. */
  readonly databaseUrl?: string | undefined;
  /** Without it one is made and kept in the data directory. */
  readonly operatorToken?: string | undefined;
  readonly driver: "local" | "none";
  readonly dataPlaneEntry?: string | undefined;
  /** Under which data planes reach this server; without it the address it listens on. */
  readonly publicUrl?: string | undefined;
  /** Networks in CIDR notation that tenants may open to their providers, although they are not the public internet. */
  readonly privateNetworks: readonly string[];
  readonly stopDataPlanesOnExit: boolean;
  /** Of pages whose scripts may call the API. */
  readonly allowedOrigins: readonly string[];
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "silent";
  /** For the drivers, which pass a few names of it on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
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

/** With the embedded database the platform is somebody's own machine, and its providers may be there as well. */
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

const schema = z.strictObject({
  HEADGATE_DATA_DIR: z.string().min(1).default(".headgate/control-plane"),
  HEADGATE_HOST: z.string().min(1).default("127.0.0.1"),
  HEADGATE_PORT: port.prefault("8080"),
  HEADGATE_METRICS_PORT: port.prefault("9464"),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: "must be postgres://user:password@host/database" })
    .optional(),
  HEADGATE_OPERATOR_TOKEN: z
    .string()
    .regex(/^hgo_[A-Za-z0-9_-]{32,200}$/, "must be hgo_ and at least 32 letters or digits")
    .optional(),
  HEADGATE_DRIVER: z.enum(["local", "none"]).default("local"),
  HEADGATE_DATA_PLANE_ENTRY: z.string().min(1).optional(),
  HEADGATE_PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).optional(),
  HEADGATE_PRIVATE_NETWORKS: networks.optional(),
  HEADGATE_LOCAL_STOP_ON_EXIT: z.enum(["true", "false"]).default("true"),
  HEADGATE_ALLOWED_ORIGINS: origins.default([]),
  HEADGATE_LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "silent"]).default("info"),
});

/** Reads the configuration. Throws a `Refusal` that names every variable that is wrong, and no value. */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const ours = Object.entries(environment).filter(
    ([name, value]) => value !== undefined && (name.startsWith("HEADGATE_") || name === "DATABASE_URL"),
  );
  const parsed = schema.safeParse(Object.fromEntries(ours));
  if (!parsed.success)
    throw new Refusal(`The environment is not valid:\n${parsed.error.issues.map(describe).join("\n")}`);
  const values = parsed.data;
  return {
    dataDirectory: resolve(values.HEADGATE_DATA_DIR),
    host: values.HEADGATE_HOST,
    port: values.HEADGATE_PORT,
    metricsPort: values.HEADGATE_METRICS_PORT,
    databaseUrl: values.DATABASE_URL,
    operatorToken: values.HEADGATE_OPERATOR_TOKEN,
    driver: values.HEADGATE_DRIVER,
    dataPlaneEntry: values.HEADGATE_DATA_PLANE_ENTRY,
    publicUrl: values.HEADGATE_PUBLIC_URL?.replace(/\/+$/, ""),
    privateNetworks: values.HEADGATE_PRIVATE_NETWORKS ?? (values.DATABASE_URL === undefined ? LOOPBACK : []),
    stopDataPlanesOnExit: values.HEADGATE_LOCAL_STOP_ON_EXIT === "true",
    allowedOrigins: values.HEADGATE_ALLOWED_ORIGINS,
    logLevel: values.HEADGATE_LOG_LEVEL,
    environment,
  };
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return `  ${issue.keys.join(", ")}: there is no such variable`;
  return `  ${issue.path.join(".")}: ${issue.message}`;
}
