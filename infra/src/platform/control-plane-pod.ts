import type { types } from "@pulumi/kubernetes";
import { objectLabels } from "../base/kubernetes/object-labels.ts";
import type { Where } from "../base/kubernetes/objects.ts";
import { priorityClass, SYSTEM_NAMESPACES } from "../names.ts";
import { CONTAINER_SECURITY, POD_SECURITY } from "../pod-security.ts";
import type { PlatformConfig } from "./platform-config.ts";

export const API_PORT = 8_080;
export const METRICS_PORT = 9_464;

/** Under which a part's objects are found. */
export type Part = "api" | "worker" | "migrations";

/** Of an object that has the name of its part. */
export function partOf(part: string, { region }: PlatformConfig): Where {
  return { name: part, namespace: SYSTEM_NAMESPACES.system, part, region };
}

const SECRETS = "/var/run/headgate/secrets";
const DATABASE = "/var/run/headgate/database";
/** The URL of the database names it as its `sslrootcert`. */
export const DATABASE_CA = { folder: "/var/run/headgate/database-ca", file: "ca.crt" } as const;

/** Files of the platform's Secret, by the variable that names them. */
const SECRET_FILES = {
  HEADGATE_KEY_FILE: "platform-key",
  HEADGATE_OPERATOR_TOKEN_FILE: "operator-token",
  HEADGATE_PULUMI_PASSPHRASE_FILE: "pulumi-passphrase",
  HEADGATE_PULUMI_BACKEND_FILE: "pulumi-backend",
} as const;

type SecretFile = keyof typeof SECRET_FILES;

interface Options {
  readonly part: Part;
  readonly image: string;
  readonly args: readonly string[];
  /** Besides the database's; a part is given no others. */
  readonly secretFiles: readonly SecretFile[];
  readonly environment: Readonly<Record<string, string>>;
  /** More writable folders, for which the image has a place; the sizes are mebibytes. */
  readonly folders?: Readonly<Record<string, { readonly path: string; readonly sizeMib: number }>>;
  readonly container: Omit<types.input.core.v1.Container, "name">;
  readonly pod: Omit<types.input.core.v1.PodSpec, "containers">;
}

/** The control plane's image as a pod, whatever part it plays: secrets are files, and its own root is read-only. */
export function controlPlanePod(
  config: PlatformConfig,
  options: Options,
): types.input.core.v1.PodTemplateSpec {
  const { part, secretFiles } = options;
  const folders = Object.entries({
    tmp: { path: "/tmp", sizeMib: 256 },
    state: { path: "/var/lib/headgate", sizeMib: 64 },
    ...options.folders,
  });
  const environment = {
    HEADGATE_HOST: "0.0.0.0",
    HEADGATE_LOG_LEVEL: config.logLevel,
    HEADGATE_DATABASE_URL_FILE: `${DATABASE}/url`,
    ...Object.fromEntries(secretFiles.map((name) => [name, `${SECRETS}/${SECRET_FILES[name]}`])),
    NODE_OPTIONS: "--max-old-space-size-percentage=75",
    ...options.environment,
  };
  const readOnly = [
    {
      name: "database",
      path: DATABASE,
      source: secret(config.database.secret, { [`${part}-url`]: "url" }),
    },
    ...(config.database.caConfigMap === null
      ? []
      : [
          {
            name: "database-ca",
            path: DATABASE_CA.folder,
            source: {
              configMap: {
                name: config.database.caConfigMap,
                items: [{ key: DATABASE_CA.file, path: DATABASE_CA.file }],
              },
            },
          },
        ]),
    ...(secretFiles.length === 0
      ? []
      : [
          {
            name: "secrets",
            path: SECRETS,
            source: secret(
              config.secret,
              Object.fromEntries(secretFiles.map((name) => [SECRET_FILES[name], SECRET_FILES[name]])),
            ),
          },
        ]),
  ];
  return {
    metadata: {
      labels: {
        ...objectLabels(part, config.region),
        "app.kubernetes.io/version": config.imageVersion,
      },
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName: priorityClass("system"),
      securityContext: POD_SECURITY,
      ...options.pod,
      containers: [
        {
          name: part,
          image: options.image,
          args: [...options.args],
          env: Object.entries(environment).map(([name, value]) => ({ name, value })),
          securityContext: CONTAINER_SECURITY,
          ...options.container,
          volumeMounts: [
            ...folders.map(([name, { path }]) => ({ name, mountPath: path })),
            ...readOnly.map(({ name, path }) => ({ name, mountPath: path, readOnly: true })),
          ],
        },
      ],
      volumes: [
        ...folders.map(([name, { sizeMib }]) => ({ name, emptyDir: { sizeLimit: `${sizeMib}Mi` } })),
        ...readOnly.map(({ name, source }) => ({ name, ...source })),
      ],
    },
  };
}

/** Files by the Secret's keys. */
function secret(
  secretName: string,
  files: Readonly<Record<string, string>>,
): Pick<types.input.core.v1.Volume, "secret"> {
  const items = Object.entries(files).map(([key, path]) => ({ key, path }));
  return { secret: { secretName, items, defaultMode: 0o400 } };
}
