import { defineConfig } from "vitest/config";

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
          // Property tests on a busy machine; nothing here waits for time to pass.
          testTimeout: 30_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      // The suite on a cluster has a run of its own; what it is made of is tested here, without one.
      crossing("integration", 1, 30_000, [
        "{doubles,harness}/**/*.test.ts",
        "cluster/{engine,images,network-policy,node,parts}/**/*.test.ts",
      ]),
      crossing("e2e", 2, 60_000),
      crossing("chaos", 3, 120_000),
    ],
  },
});

function crossing(name: string, groupOrder: number, testTimeout: number, more: string[] = []) {
  return {
    test: {
      name,
      include: [`${name}/**/*.test.ts`, ...more],
      globalSetup: ["./harness/global-setup.ts"],
      testTimeout,
      hookTimeout: testTimeout,
      sequence: { groupOrder },
      // Each of these starts processes of its own: more of them at once only makes all of them slower.
      maxWorkers: 2,
    },
  };
}
