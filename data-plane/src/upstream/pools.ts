/** Connections to providers: one pool for each origin, network grant and connect timeout, made on first use. */
import { Client, type Dispatcher, Pool } from "undici";
import type { CompiledPolicy, CompiledTarget } from "../policy/compiled-policy.ts";
import { Dispatch } from "./dispatch.ts";
import { guardedConnector } from "./egress-guard.ts";

/** For calls that were admitted under the policy before: they dispatch within moments of their admission. */
const RETIREMENT_MS = 60_000;

export interface UpstreamPools {
  poolFor(target: CompiledTarget): Pool;
  /** For one call, which none of the kept connections serves. */
  freshFor(target: CompiledTarget): Dispatcher;
  /** Lets go, after a while, of pools that no target of this policy uses; calls in them run to their end. */
  retain(policy: CompiledPolicy): void;
  close(): Promise<void>;
}

export function createUpstreamPools(): UpstreamPools {
  const pools = new Map<string, Pool>();
  const retiring = new Map<NodeJS.Timeout, Pool>();
  const byTarget = new WeakMap<CompiledTarget, Pool>();
  const fresh = new Set<Client>();

  function open(target: CompiledTarget): Pool {
    const key = keyOf(target);
    const existing = pools.get(key);
    if (existing !== undefined) return existing;
    const options = optionsFor(target);
    const pool = new Pool(target.provider.origin, {
      ...options,
      factory: (origin) => new CountedClient(origin, options),
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
    freshFor(target) {
      const client = new Client(target.provider.origin, optionsFor(target));
      fresh.add(client);
      client.once("disconnect", () => {
        fresh.delete(client);
        client.destroy().catch(() => undefined);
      });
      client.once("connectionError", () => fresh.delete(client));
      return client;
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
      await Promise.all([...pools.values(), ...retiring.values(), ...fresh].map((pool) => pool.destroy()));
      pools.clear();
      retiring.clear();
    },
  };
}

function optionsFor({ provider, timeouts }: CompiledTarget) {
  return {
    connect: guardedConnector({
      allowedCidrs: provider.allowedCidrs,
      connectTimeoutMs: timeouts.connect_ms,
    }),
    // Attempts keep their own time, to the millisecond.
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 1,
    allowH2: false,
  } satisfies Client.Options;
}

/** Tells each attempt whether its connection was there before it. */
class CountedClient extends Client {
  readonly #line: { connects: number };

  constructor(origin: URL, options: ReturnType<typeof optionsFor>) {
    const line = { connects: 0 };
    super(origin, {
      ...options,
      connect: (target, callback) => {
        line.connects += 1;
        options.connect(target, callback);
      },
    });
    this.#line = line;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if ("dispatch" in handler && handler.dispatch instanceof Dispatch) handler.dispatch.takesLine(this.#line);
    return super.dispatch(options, handler);
  }
}

function keyOf({ provider, timeouts }: CompiledTarget): string {
  return `${provider.origin} ${timeouts.connect_ms} ${provider.allowedCidrs.join(",")}`;
}
