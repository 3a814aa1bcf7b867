// What must hold before a change goes in: format and lint, types, generated files, dead code, unit tests. Every check
// runs, whatever became of those before it; the output of those that fail is shown.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");

const CHECKS = [
  ["format and lint", join(bin, "biome"), ["ci", "."]],
  ["types", join(bin, "tsc"), ["-b", "test/tsconfig.json"]],
  [
    "the client's types are those of the API",
    process.execPath,
    ["control-plane/scripts/emit-router-types.ts", "--check"],
  ],
  ["nothing unused", join(bin, "knip"), []],
  ["unit tests", process.execPath, [join(root, ".tools", "test.mjs"), "--project", "unit"]],
];

let failed = 0;
for (const [name, file, args] of CHECKS) {
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 64 * 1024 * 1024,
  });
  const ms = Math.round(performance.now() - started);
  console.log(`${status === 0 ? "ok    " : "FAILED"}  ${name} (${ms} ms)`);
  if (status === 0) continue;
  failed += 1;
  console.log(`${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`.trimEnd());
}
console.log(failed === 0 ? "check: all well" : `check: ${failed} of ${CHECKS.length} failed`);
process.exitCode = failed === 0 ? 0 : 1;
