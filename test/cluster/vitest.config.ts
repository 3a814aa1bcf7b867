import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** There is one cluster and there are few cores: one file after the other, in the order of their names. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

export default defineConfig({
  test: {
    name: "cluster",
    root: import.meta.dirname,
    include: ["suite/**/*.test.ts"],
    globalSetup: ["./global-setup.ts"],
    pool: "forks",
    maxWorkers: 1,
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: 900_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    passWithNoTests: false,
  },
});
