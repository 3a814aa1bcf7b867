import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DOCKERFILE, WORKSPACE } from "./workshop.ts";

const dockerfile = readFileSync(DOCKERFILE, "utf8");
const catalog = readFileSync(join(WORKSPACE, "pnpm-workspace.yaml"), "utf8");

/** What the Dockerfile can only repeat must be what the workspace says. */
test.each<[string, RegExp, string | undefined]>([
  ["Node", /BUILD_BASE=node:([\d.]+)-/, readFileSync(join(WORKSPACE, ".node-version"), "utf8").trim()],
  [
    "pnpm",
    /pnpm@([\d.]+)/,
    /pnpm@([\d.]+)/.exec(readFileSync(join(WORKSPACE, ".tools/run.mjs"), "utf8"))?.[1],
  ],
  ["the Pulumi CLI", /PULUMI_BASE=\S+:([\d.]+)/, cataloged("@pulumi/pulumi")],
  ["the Kubernetes provider", /PULUMI_KUBERNETES=([\d.]+)/, cataloged("@pulumi/kubernetes")],
])("the images have the workspace's version of %s", (_what, pattern, expected) => {
  expect(expected).toMatch(/^\d+\.\d+\.\d+$/);
  expect(pattern.exec(dockerfile)?.[1]).toBe(expected);
});

test("every image runs as a user that Kubernetes can tell is not root", () => {
  const users = [...dockerfile.matchAll(/^USER (\S+)$/gm)].map(([, user]) => user);
  expect(users.at(-1)).toBe("10001:10001");
});

test("how a data plane keeps its state is left to its pod", () => {
  expect(dockerfile).not.toMatch(/^ENV .*HEADGATE_(SHARED_)?STATE_DIR/m);
});

function cataloged(name: string): string | undefined {
  return new RegExp(`^ {2}"${name}": (\\S+)$`, "m").exec(catalog)?.[1];
}
