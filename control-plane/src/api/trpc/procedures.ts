/**
 * The ladder of access: public, operator, tenant. Each step narrows the context, so a handler that needs a tenant
 * cannot be written without the check.
 */
import { isId } from "@headgate/sdk/contract";
import { initTRPC } from "@trpc/server";
import type { Actor } from "../../identity/actor.ts";
import { isOperatorToken, OPERATOR } from "../../identity/operator-token.ts";
import { Fault } from "../../lib/fault.ts";
import { useIssueTexts } from "../../lib/issue-text.ts";
import { requireTenant } from "../../tenants/service.ts";
import type { Context } from "./context.ts";
import { formatError, toTrpcError } from "./errors.ts";

useIssueTexts();

const t = initTRPC.context<Context>().create({
  errorFormatter: formatError,
  sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
});

export const router = t.router;

/** Turns faults into the API's errors and counts the outcome of every call. */
const observed = t.procedure.use(async ({ ctx, path, next }) => {
  const { metrics, clock } = ctx.services;
  const startedAt = clock.monotonicMs();
  const result = await next();
  const refusal = result.ok ? undefined : toTrpcError(result.error);
  metrics.apiSeconds.observe({ procedure: path }, (clock.monotonicMs() - startedAt) / 1_000);
  metrics.apiCalls.inc({ procedure: path, outcome: refusal?.code ?? "ok" });
  if (refusal === undefined) return result;
  throw refusal.error;
});

/** No credential needed. */
export const publicProcedure = observed;

/** The operator of the platform. */
export const operatorProcedure = observed.use(async ({ ctx, next }) => {
  const { services } = ctx;
  const credential = requireCredential(ctx);
  if (isOperatorToken(services.operatorTokenHash, credential)) return next({ ctx: { actor: OPERATOR } });
  await ctx.adminKey();
  throw new Fault("api.forbidden", { detail: "It takes the operator's token, not a tenant's admin key." });
});

/** A tenant: by its admin key, or by the operator with the tenant's id in `x-headgate-tenant`. */
export const tenantProcedure = observed.use(async ({ ctx, next, type }) => {
  const { services, actingTenant } = ctx;
  const credential = requireCredential(ctx);
  if (isOperatorToken(services.operatorTokenHash, credential)) {
    if (actingTenant === undefined)
      throw new Fault("api.forbidden", { detail: "Name a tenant in x-headgate-tenant." });
    if (!isId("tenant", actingTenant)) throw new Fault("api.not_found");
    const tenant = await requireTenant(services.db, actingTenant);
    return next({ ctx: { actor: OPERATOR as Actor, tenantId: tenant.id } });
  }
  const caller = await ctx.adminKey();
  if (actingTenant !== undefined && actingTenant !== caller.tenantId) throw new Fault("api.not_found");
  if (caller.suspended && type === "mutation") throw new Fault("tenant.suspended");
  const actor: Actor = { kind: "key", id: caller.keyId };
  return next({ ctx: { actor, tenantId: caller.tenantId } });
});

/** Either of the two above, for what is the same for all tenants. */
export const memberProcedure = observed.use(async ({ ctx, next }) => {
  const credential = requireCredential(ctx);
  if (!isOperatorToken(ctx.services.operatorTokenHash, credential)) await ctx.adminKey();
  return next();
});

function requireCredential({ credential }: Context): string {
  if (credential !== undefined) return credential;
  throw new Fault("api.unauthenticated", {
    detail: "Send an admin key as `Authorization: Bearer hg_live_...`.",
  });
}
