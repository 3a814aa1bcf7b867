/** Connections to providers: one pool for each origin, network grant and connect timeout, made on first use. */
import { Pool } from "undici";
import type { CompiledPolicy, CompiledTarget } from "../policy/compiled-policy.ts";
import { guardedConnector } from "./egress-guard.ts";

/** For calls that were admitted under the policy before: they dispatch within moments of their admission. */
const RETIREMENT_MS = 60_000;

export interface UpstreamPools {
  poolFor(target: CompiledTarget): Pool;
  /** Lets go, after a while, of pools that no target of this policy uses; calls in them run to their end. */
  retain(policy: CompiledPolicy): void;
  close(): Promise<void>;
}

export function createUpstreamPools(): UpstreamPools {
  const pools = new Map<string, Pool>();
  const retiring = new Map<NodeJS.Timeout, Pool>();
  const byTarget = new WeakMap<CompiledTarget, Pool>();

  function open(target: CompiledTarget): Pool {
    const key = keyOf(target);
    const existing = pools.get(key);
    if (existing !== undefined) return existing;
    const { provider, timeouts } = target;
    const pool = new Pool(provider.origin, {
      connect: guardedConnector({
        allowedCidrs: provider.allowedCidrs,
        connectTimeoutMs: timeouts.connect_ms,
      }),
      // Attempts keep their own time, to the millisecond.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      allowH2: false,
    });
    pools.set(key, pool);
    return pool;
  }

  function retire(pool: Pool): void {
    const timer = setTimeout(() => {
      retiring.delete(timer);
      pool.close().catch(() => pool.destroy());
    }, RETIREMENT_MS);
    timer.unref();
    retiring.set(timer, pool);
  }

  return {
    poolFor(target) {
      const known = byTarget.get(target);
      // A call may come to its next target when the pool of its time has been let go.
      if (known?.closed === false) return known;
      const pool = open(target);
      byTarget.set(target, pool);
      return pool;
    },
    retain(policy) {
      const wanted = new Set<string>();
      for (const { route } of policy.models.values()) {
        for (const target of route?.targets ?? []) wanted.add(keyOf(target));
      }
      for (const [key, pool] of pools) {
        if (wanted.has(key)) continue;
        pools.delete(key);
        retire(pool);
      }
    },
    async close() {
      for (const timer of retiring.keys()) clearTimeout(timer);
      await Promise.all([...pools.values(), ...retiring.values()].map((pool) => pool.destroy()));
      pools.clear();
      retiring.clear();
    },
  };
}

function keyOf({ provider, timeouts }: CompiledTarget): string {
  return `${provider.origin} ${timeouts.connect_ms} ${provider.allowedCidrs.join(",")}`;
}
