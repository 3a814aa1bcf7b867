import { agentsRouter } from "../agents/router.ts";
import { auditRouter } from "../audit/router.ts";
import { budgetsRouter } from "../budgets/router.ts";
import { invoicesRouter } from "../invoices/router.ts";
import { keysRouter } from "../keys/router.ts";
import { limitsRouter } from "../limits/router.ts";
import { modelsRouter } from "../models/router.ts";
import { operationsRouter } from "../operations/router.ts";
import { pricesRouter } from "../prices/router.ts";
import { providersRouter } from "../providers/router.ts";
import { regionsRouter } from "../provisioning/regions/router.ts";
import { dataPlanesRouter } from "../provisioning/router.ts";
import { releasesRouter } from "../releases/router.ts";
import { routesRouter } from "../routes/router.ts";
import { rulesRouter } from "../rules/router.ts";
import { snapshotsRouter } from "../snapshots/router.ts";
import { systemRouter } from "../system/router.ts";
import { tenantsRouter } from "../tenants/router.ts";
import { usageRouter } from "../usage/router.ts";
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
