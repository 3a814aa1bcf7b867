// The one entry behind `npm start`, `npm test` and the other root scripts. It runs on whatever Node the
// machine has (18 or newer), installs the workspace with a pinned pnpm, builds it, and hands over to the
// Node that the workspace brings along.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PNPM = "pnpm@12.21.0";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");
const node = join(bin, "node");
const stamp = join(root, "node_modules", ".headgate-installed");
const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ""}` };

const COMMANDS = {
  start: () => handOver(["test/dist/demo/start.js"]),
  demo: () => handOver(["test/dist/demo/demo.js"]),
  dev: () => handOver(["test/dist/demo/dev.js"]),
  bench: () => handOver(["test/dist/bench/bench.js"]),
  generate: () => handOver(["control-plane/scripts/emit-router-types.ts"]),
  check: () => handOver([join(root, ".tools", "check.mjs")]),
  test: () => handOver([join(root, ".tools", "test.mjs")]),
  "test:cluster": () => handOver([join(root, ".tools", "test-cluster.mjs")]),
};

const [name = "", ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  console.error(`headgate: unknown command "${name}". Known: ${Object.keys(COMMANDS).join(", ")}.`);
  process.exit(2);
}
if (Number(process.versions.node.split(".")[0]) < 18) {
  console.error(
    `headgate: this machine's Node is ${process.versions.node}; 18 or newer is needed to install.`,
  );
  process.exit(2);
}
install();
build();
command();

function install() {
  const wanted = createHash("sha256");
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"]) {
    wanted.update(readFileSync(join(root, file)));
  }
  for (const pkg of ["sdk", "control-plane", "data-plane", "infra", "test"]) {
    wanted.update(readFileSync(join(root, pkg, "package.json")));
  }
  const hash = wanted.digest("hex");
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  console.log("headgate: installing packages (first time, or they changed) ...");
  // CI=1 keeps pnpm from asking before it replaces node_modules.
  run("npx", ["--yes", PNPM, "install", "--frozen-lockfile", "--reporter=append-only"], {
    ...env,
    CI: "1",
    npm_config_loglevel: "error",
  });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

function build() {
  run(join(bin, "tsc"), ["-b", "test/tsconfig.json"], env);
}

function run(file, args, environment) {
  const { status, error } = spawnSync(file, args, {
    cwd: root,
    env: environment,
    stdio: "inherit",
  });
  if (error) {
    console.error(`headgate: could not run ${file}: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) {
    console.error(`headgate: ${file} ${args.join(" ")} ended with ${status}.`);
    process.exit(status ?? 1);
  }
}

/** Gives the terminal to the workspace's Node; signals reach it through the shared process group. */
function handOver(args) {
  const child = spawn(node, [...args, ...rest], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
}
