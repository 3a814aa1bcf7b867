import { afterAll, beforeAll, test } from "vitest";
import { type ClusterAbility, reasonAgainst } from "../node/cluster-node.ts";
import { injectedCluster } from "../node/injected.ts";

/**
 * `test`, `beforeAll` and `afterAll` for a file that needs all of these of the cluster. Where one is missing, each test
 * is skipped and says why in its name, and nothing is set up.
 */
export function platformTests(
  ...needs: readonly ClusterAbility[]
): Pick<Hooks, "test" | "beforeAll" | "afterAll"> {
  const cluster = injectedCluster();
  const reason = reasonAgainst(cluster, ...needs);
  // Where there is no cluster at all the runner skips everything by itself.
  if (reason === null || cluster.kind === "absent") return { test, beforeAll, afterAll };
  return {
    test: (name) => test.skip(`${name} (skipped: ${reason})`),
    beforeAll: () => undefined,
    afterAll: () => undefined,
  };
}

interface Hooks {
  test(name: string, body: () => Promise<void>): void;
  beforeAll(set: () => Promise<void>): void;
  afterAll(tidy: () => Promise<void>): void;
}
