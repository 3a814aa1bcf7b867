/** The end of a data plane, part by part, in the order in which they need each other. */
import type { Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../config.ts";
import type { Gateway } from "../pipeline/stage.ts";
import type { OrphanRecovery } from "../storage/recover-orphans.ts";
import type { Link } from "./link.ts";
import type { State } from "./state.ts";

/** How much longer than the drain the last usage may take to be acknowledged. */
const FLUSH_MS = 10_000;

export interface RunningParts {
  readonly config: Pick<Config, "drainDelayMs" | "drainMs">;
  readonly gateway: Gateway;
  readonly link: Link;
  readonly state: State;
  readonly orphans: OrphanRecovery;
  readonly admin: Server;
  drain(deadlineMs: number): Promise<void>;
  stopTracing(): Promise<void>;
}

export async function shutDown(parts: RunningParts): Promise<void> {
  const { config, gateway, link, state, orphans, admin } = parts;
  gateway.load.draining = true;
  if (config.drainDelayMs > 0) await delay(config.drainDelayMs);
  await parts.drain(config.drainMs);
  await Promise.all([orphans.stop(), link.reporter.flush(FLUSH_MS)]);
  await link.reporter.stop();
  await link.sayStopped();
  await link.stop();
  await Promise.all([gateway.pools.close(), parts.stopTracing()]);
  gateway.audit.flush();
  await state.close();
  admin.close();
  admin.closeAllConnections();
}
