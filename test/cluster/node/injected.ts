import { inject, type TestContext, test } from "vitest";
import {
  type ClusterAbility,
  type ClusterConnection,
  type ClusterNode,
  clusterNode,
  reasonAgainst,
} from "./cluster-node.ts";

declare module "vitest" {
  interface ProvidedContext {
    cluster: ClusterConnection;
  }
}

/** The cluster of this run, for the tests of the suite. */
export function injectedCluster(): ClusterNode {
  return clusterNode(inject("cluster"));
}

/** A test that needs something not every cluster has; where it is missing, the test's name says why it is skipped. */
export function clusterTest(
  name: string,
  needs: readonly ClusterAbility[],
  body: (cluster: ClusterNode, context: TestContext) => Promise<void>,
): void {
  const cluster = injectedCluster();
  const reason = reasonAgainst(cluster, ...needs);
  if (reason === null) test(name, (context) => body(cluster, context));
  else if (cluster.kind === "absent") test.skip(name);
  else test.skip(`${name} (skipped: ${reason})`);
}
