import { expect, test } from "vitest";
import { clusterNode, reasonAgainst } from "./cluster-node.ts";
import { absentCluster } from "./given-cluster.ts";

test("what a cluster lacks is a reason by name, and using it anyway an error that tells it", () => {
  const absent = absentCluster("not root");
  expect(reasonAgainst(absent, "images", "kwok")).toBe("images: not root");
  expect(reasonAgainst({ missing: ["kwok: none"] }, "images")).toBeNull();
  expect(() => clusterNode(absent).startKwok(1)).toThrow("kwok: not root");
});
