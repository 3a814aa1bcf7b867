/** Connections to providers: one pool for each origin and network grant, made on first use, closed when unused. */
import { Pool } from "undici";
import type { CompiledPolicy, CompiledProvider } from "../policy/compiled-policy.ts";
import { guardedConnector } from "./egress-guard.ts";

export interface UpstreamPools {
  poolFor(provider: CompiledProvider, connectTimeoutMs: number): Pool;
  /** Lets go of pools that no provider of this policy uses; calls in them run to their end. */
  retain(policy: CompiledPolicy): void;
  close(): Promise<void>;
}

export function createUpstreamPools(): UpstreamPools {
  const pools = new Map<string, Pool>();
  const byProvider = new WeakMap<CompiledProvider, Pool>();

  function open(provider: CompiledProvider, connectTimeoutMs: number): Pool {
    const key = keyOf(provider);
    const existing = pools.get(key);
    if (existing !== undefined) return existing;
    const pool = new Pool(provider.origin, {
      connect: guardedConnector({ allowedCidrs: provider.allowedCidrs, connectTimeoutMs }),
      // Attempts keep their own time, to the millisecond.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      allowH2: false,
    });
    pools.set(key, pool);
    return pool;
  }

  return {
    poolFor(provider, connectTimeoutMs) {
      const known = byProvider.get(provider);
      if (known !== undefined) return known;
      const pool = open(provider, connectTimeoutMs);
      byProvider.set(provider, pool);
      return pool;
    },
    retain(policy) {
      const wanted = new Set([...policy.providers.values()].map(keyOf));
      for (const [key, pool] of pools) {
        if (wanted.has(key)) continue;
        pools.delete(key);
        pool.close().catch(() => pool.destroy());
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

function keyOf({ origin, allowedCidrs }: CompiledProvider): string {
  return `${origin} ${allowedCidrs.join(",")}`;
}
