// All tests, in one run: unit, integration, end to end, chaos. Arguments are passed on to vitest, for example
// `npm test -- --project unit` or `npm test -- usage`. The last line is `N passed, N failed`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), "headgate-test-"));
const report = join(scratch, "report.json");

const { status } = spawnSync(
  process.execPath,
  [
    join(root, "node_modules", "vitest", "vitest.mjs"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: join(root, "test"), stdio: "inherit" },
);
const counts = readCounts();
rmSync(scratch, { recursive: true, force: true });

// A run that broke outside of any test, or in which nothing was tested, has failed too.
if (counts.failed === 0 && (status !== 0 || counts.passed === 0)) counts.failed = 1;
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed > 0 ? 1 : 0;

function readCounts() {
  try {
    const result = JSON.parse(readFileSync(report, "utf8"));
    // A file that could not even be loaded has no failed test of its own.
    const broken = result.testResults.filter(
      (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
    );
    return {
      passed: result.numPassedTests,
      failed: result.numFailedTests + broken.length,
      skipped: result.numPendingTests + result.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
