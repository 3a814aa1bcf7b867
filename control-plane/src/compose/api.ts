/** The API for tenants, operators and data planes. It writes down what is wanted, and loads nothing that brings it about. */
import { buildServer } from "../api/server.ts";
import type { Services } from "../api/trpc/context.ts";
import { publishPrices } from "../billing/prices/service.ts";
import type { Config } from "../config.ts";
import { watchHeartbeats } from "../data-planes/watch-heartbeats.ts";
import { loadSigningKeys } from "../snapshots/signing-keys.ts";
import type { Shutdown } from "./shutdown.ts";

/** Connections that have not ended by themselves after this long are cut. */
const CLOSE_MS_MAX = 10_000;

/** Listens, and gives the URL. */
export async function startApi(
  config: Pick<Config, "allowedOrigins" | "host" | "port">,
  services: Services,
  shutdown: Shutdown,
): Promise<string> {
  const { db, clock, logger, metrics } = services;
  const signingKeys = await loadSigningKeys(db, {
    wrapper: services.keyWrapper,
    makeId: services.makeId,
    now: clock.wallMs(),
  });
  const { allowedOrigins, host, port } = config;
  const app = buildServer({ services, signingKeys, isDraining: shutdown.isDraining, allowedOrigins });
  shutdown.later(async () => {
    services.operationHints.close();
    const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS_MAX);
    await app.close();
    clearTimeout(cut);
  });
  const url = await app.listen({ host, port });
  watchHeartbeats(metrics.registry, { db, clock });
  // A change of prices that was cut off before it had reached every tenant reaches the others now.
  const published = publishPrices(services, { kind: "system", id: "start" }).catch((error) =>
    logger.error({ err: error }, "prices did not reach all tenants"),
  );
  shutdown.later(() => published);
  return url;
}
