/** The only reader of the environment. */
import { resolve } from "node:path";
import { z } from "zod";
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
  readonly stopDataPlanesOnExit: boolean;
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "silent";
  /** For the drivers, which pass a few names of it on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const port = z.coerce.number().int().min(0).max(65_535);

const schema = z.strictObject({
  HEADGATE_DATA_DIR: z.string().min(1).default(".headgate/control-plane"),
  HEADGATE_HOST: z.string().min(1).default("127.0.0.1"),
  HEADGATE_PORT: port.default(8080),
  HEADGATE_METRICS_PORT: port.default(9464),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  HEADGATE_OPERATOR_TOKEN: z
    .string()
    .regex(/^hgo_[A-Za-z0-9_-]{32,200}$/, "must be hgo_ and at least 32 letters or digits")
    .optional(),
  HEADGATE_DRIVER: z.enum(["local", "none"]).default("local"),
  HEADGATE_DATA_PLANE_ENTRY: z.string().min(1).optional(),
  HEADGATE_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  HEADGATE_LOCAL_STOP_ON_EXIT: z.enum(["true", "false"]).default("true"),
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
    stopDataPlanesOnExit: values.HEADGATE_LOCAL_STOP_ON_EXIT === "true",
    logLevel: values.HEADGATE_LOG_LEVEL,
    environment,
  };
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return `  ${issue.keys.join(", ")}: there is no such variable`;
  return `  ${issue.path.join(".")}: ${issue.message}`;
}
