import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NODE_NAME } from "./addresses.ts";

/** Who talks to the API server, each with a token of its own and with the rights that Kubernetes gives by default. */
const USERS = {
  admin: { user: "headgate:admin", groups: ["system:masters"] },
  "controller-manager": { user: "system:kube-controller-manager", groups: [] },
  scheduler: { user: "system:kube-scheduler", groups: [] },
  kubelet: { user: `system:node:${NODE_NAME}`, groups: ["system:nodes"] },
  "kube-proxy": { user: "system:kube-proxy", groups: [] },
  "metrics-server": { user: "headgate:metrics-server", groups: ["system:masters"] },
  kwok: { user: "headgate:kwok", groups: ["system:masters"] },
} as const;

export type UserName = keyof typeof USERS;

export interface Users {
  /** For `--token-auth-file`. */
  readonly tokenFile: string;
  readonly adminToken: string;
  readonly kubeconfig: Readonly<Record<UserName, string>>;
}

export function makeUsers(dir: string, apiUrl: string, caFile: string): Users {
  const ca = readFileSync(caFile).toString("base64");
  const names = Object.keys(USERS) as UserName[];
  const tokens = Object.fromEntries(names.map((name) => [name, randomBytes(24).toString("base64url")]));
  const tokenFile = join(dir, "tokens.csv");
  const lines = names.map((name) => {
    const { user, groups } = USERS[name];
    return `${tokens[name]},${user},${name},"${groups.join(",")}"\n`;
  });
  writeFileSync(tokenFile, lines.join(""), { mode: 0o600 });

  const kubeconfig = Object.fromEntries(
    names.map((name) => {
      const file = join(dir, `${name}.kubeconfig`);
      writeFileSync(file, kubeconfigOf({ apiUrl, ca, token: tokens[name] ?? "" }), { mode: 0o600 });
      return [name, file];
    }),
  ) as Record<UserName, string>;
  return { tokenFile, adminToken: tokens["admin"] ?? "", kubeconfig };
}

/** YAML takes JSON as it is. */
function kubeconfigOf(access: {
  readonly apiUrl: string;
  readonly ca: string;
  readonly token: string;
}): string {
  const name = "headgate-test";
  const document = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: access.apiUrl, "certificate-authority-data": access.ca } }],
    users: [{ name, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
