/** The demo's secrets between starts, in a file that only its owner can read: the API shows a key once. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

const tenantSecrets = z.object({
  adminKey: z.string().optional(),
  /** By agent's name. */
  agents: z.record(z.string(), z.string()),
});
export type TenantSecrets = z.infer<typeof tenantSecrets>;

export interface KeyRing {
  readonly file: string;
  readonly tenants: Record<string, TenantSecrets>;
  save(): void;
}

/** Opens the file; one that is missing or broken is an empty ring. */
export function openKeyRing(file: string): KeyRing {
  const tenants = read(file);
  return {
    file,
    tenants,
    save: () => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, `${JSON.stringify(tenants, null, 2)}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
}

export function secretsOf(keyRing: KeyRing, tenant: string): TenantSecrets {
  const secrets = keyRing.tenants[tenant] ?? { agents: {} };
  keyRing.tenants[tenant] = secrets;
  return secrets;
}

function read(file: string): Record<string, TenantSecrets> {
  try {
    return z.record(z.string(), tenantSecrets).parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return {};
  }
}
