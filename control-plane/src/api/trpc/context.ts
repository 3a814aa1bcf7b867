import type { Contract } from "@headgate/sdk/contract";
import type { FastifyRequest } from "fastify";
import type { OperationHints } from "../../data-planes/operations/operation-hints.ts";
import { type AdminKeyCaller, authenticateAdminKey } from "../../identity/authenticate-admin-key.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Random } from "../../lib/make-id.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { ChangeServices } from "../../policy/change-policy.ts";
import type { TrialPool } from "../../policy/rules/trials/trial-pool.ts";
import type { KeyWrapper } from "../../secrets/key-wrapper.ts";
import type { TenantSecrets } from "../../secrets/tenant-secrets.ts";
import type { RevisionEvents } from "../../snapshots/revision-events.ts";

/** What the composition root makes once and every procedure and plain route may use. */
export interface Services extends ChangeServices {
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly secrets: TenantSecrets;
  /** For the platform's own secrets, such as signing keys. */
  readonly keyWrapper: KeyWrapper;
  /** Where open event streams hear of new revisions. */
  readonly revisionEvents: RevisionEvents;
  /** Where those who watch operations hear of news. */
  readonly operationHints: OperationHints;
  /** Where conditions of rules are tried. */
  readonly trials: TrialPool;
  /** SHA-256 of the operator's token. */
  readonly operatorTokenHash: Buffer;
  /** How new data planes are provisioned. */
  readonly driver: "local" | "none" | "pulumi";
  /** The networks that are not the public internet and that tenants' providers may be in, in CIDR notation. */
  readonly privateNetworks: readonly string[];
  readonly version: string;
  readonly contract: Contract;
  /** True when the database runs inside this process. */
  readonly embedded: boolean;
}

/** What one API request carries before anything of it is believed. */
export interface Context {
  readonly services: Services;
  /** The text after `Bearer `, as sent. */
  readonly credential: string | undefined;
  /** Whose admin key the credential is: looked up once for all calls of a request. */
  readonly adminKey: () => Promise<AdminKeyCaller>;
  /** The tenant that an operator acts on, as sent. */
  readonly actingTenant: string | undefined;
}

export const TENANT_HEADER = "x-headgate-tenant";

export function createContext(services: Services, request: FastifyRequest): Context {
  const header = request.headers[TENANT_HEADER];
  const credential = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? "")?.[1];
  let caller: Promise<AdminKeyCaller> | undefined;
  return {
    services,
    credential,
    adminKey: () => {
      caller ??= authenticateAdminKey(services, credential ?? "");
      return caller;
    },
    actingTenant: typeof header === "string" ? header : undefined,
  };
}
