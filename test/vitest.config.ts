import { defineConfig } from "vitest/config";

// No test waits for time to pass: this only ends one that hangs, on a busy machine with a slow disk too.
const PATIENCE = { testTimeout: 120_000, hookTimeout: 120_000 };

/**
 * Unit tests lie beside the code they test; what crosses a boundary has a folder of its own here. The projects run
 * one after the other, the quick ones first; those with real processes and a database share one Postgres.
 */
export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      {
        test: {
          name: "unit",
          root: "..",
          include: ["*/src/**/*.test.ts", "control-plane/scripts/*.test.ts", "test/demo/**/*.test.ts"],
          ...PATIENCE,
          sequence: { groupOrder: 0 },
        },
      },
      // The suite on a cluster has a run of its own; what it is made of is tested here, without one.
      crossing("integration", 1, [
        "{conformance,doubles,harness}/**/*.test.ts",
        "cluster/{engine,images,network-policy,node,parts}/**/*.test.ts",
      ]),
      crossing("e2e", 2),
      crossing("chaos", 3),
    ],
  },
});

function crossing(name: string, groupOrder: number, more: string[] = []) {
  return {
    test: {
      name,
      include: [`${name}/**/*.test.ts`, ...more],
      globalSetup: ["./harness/global-setup.ts"],
      ...PATIENCE,
      sequence: { groupOrder },
      // Each of these starts processes of its own: more of them at once only makes all of them slower.
      maxWorkers: 2,
    },
  };
}
