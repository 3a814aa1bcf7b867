/** Calls from this host to names that only the cluster's own resolver knows. */
import { Resolver } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { Agent } from "undici";

/** An agent for `fetch` of undici whose names are looked up in the cluster. */
export function clusterAgent(resolverAddress: string, options: Agent.Options = {}): Agent {
  return new Agent({
    // One connection for each call that runs: a stream must not hold up another.
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    ...options,
    connect: { lookup: clusterLookup(resolverAddress), timeout: 10_000 },
  });
}

export function clusterLookup(resolverAddress: string): LookupFunction {
  const resolver = new Resolver({ timeout: 2_000, tries: 3 });
  resolver.setServers([resolverAddress]);
  return (hostname, options, callback) => {
    // As the search list of a pod would have it.
    const name = hostname.endsWith(".svc") ? `${hostname}.cluster.local` : hostname;
    resolver.resolve4(name).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: 4 }));
        if (options.all) callback(null, found);
        else callback(null, found[0]?.address ?? "", 4);
      },
      (error: NodeJS.ErrnoException) => callback(error, "", 4),
    );
  };
}
