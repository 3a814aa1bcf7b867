import { keysRouter } from "../../agents/keys/router.ts";
import { agentsRouter } from "../../agents/router.ts";
import { auditRouter } from "../../audit/router.ts";
import { invoicesRouter } from "../../billing/invoices/router.ts";
import { pricesRouter } from "../../billing/prices/router.ts";
import { usageRouter } from "../../billing/usage/router.ts";
import { operationsRouter } from "../../data-planes/operations/router.ts";
import { regionsRouter } from "../../data-planes/regions/router.ts";
import { releasesRouter } from "../../data-planes/releases/router.ts";
import { dataPlanesRouter } from "../../data-planes/router.ts";
import { decisionsRouter } from "../../decisions/router.ts";
import { budgetsRouter } from "../../policy/budgets/router.ts";
import { limitsRouter } from "../../policy/limits/router.ts";
import { modelsRouter } from "../../policy/models/router.ts";
import { providersRouter } from "../../policy/providers/router.ts";
import { routesRouter } from "../../policy/routes/router.ts";
import { rulesRouter } from "../../policy/rules/router.ts";
import { snapshotsRouter } from "../../snapshots/router.ts";
import { systemRouter } from "../../system/router.ts";
import { tenantsRouter } from "../../tenants/router.ts";
import { router } from "./procedures.ts";

/** The whole API, a line a domain. */
export const appRouter = router({
  system: systemRouter,
  tenants: tenantsRouter,
  agents: agentsRouter,
  keys: keysRouter,
  providers: providersRouter,
  models: modelsRouter,
  routes: routesRouter,
  rules: rulesRouter,
  limits: limitsRouter,
  budgets: budgetsRouter,
  prices: pricesRouter,
  decisions: decisionsRouter,
  usage: usageRouter,
  invoices: invoicesRouter,
  data_planes: dataPlanesRouter,
  operations: operationsRouter,
  regions: regionsRouter,
  releases: releasesRouter,
  snapshots: snapshotsRouter,
  audit: auditRouter,
});

export type AppRouter = typeof appRouter;
