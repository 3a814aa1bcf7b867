// Leaves each plane as a folder that runs by itself: `node deploy.mjs DIRECTORY [name ...]` makes DIRECTORY/data-plane and
// DIRECTORY/control-plane, and DIRECTORY/users with the names of their user. It wants an installed, compiled workspace, and
// pnpm on the PATH.
import { spawnSync } from "node:child_process";
import { cpSync, lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** What a plane's packages list as theirs and no process of the image loads. */
const SURPLUS = {
  "data-plane": [],
  // Regions and policies are the platform team's, from a checkout.
  "control-plane": ["@pulumi+aws@", "@pulumi+policy@"],
};

/** Compilers and typings come along as peers. */
const SURPLUS_EVERYWHERE = ["typescript@", "@typescript+", "@types+"];

/** pnpm's own books: they carry the time and place of the installation. */
const BOOKS = [
  "node_modules/.modules.yaml",
  "node_modules/.pnpm-workspace-state-v1.json",
  "node_modules/.pnpm/lock.yaml",
  "node_modules/.pnpm/node_modules",
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
];

const USELESS_FILE = /\.(map|md|markdown|d\.[cm]?ts|tsbuildinfo|flow)$/i;

/** For the tests of those who use the SDK. */
const SDK_TESTING = "node_modules/@headgate/sdk/dist/testing";

const workspace = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [directory, ...names] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: node deploy.mjs DIRECTORY [name ...]");
for (const name of names.length > 0 ? names : Object.keys(SURPLUS)) {
  const target = resolve(directory, name);
  deploy(name, target);
  prune(target, [...SURPLUS_EVERYWHERE, ...SURPLUS[name]]);
}
cpSync(join(import.meta.dirname, "users"), join(resolve(directory), "users"), { recursive: true });

/** Exactly what the lockfile says, production dependencies only; workspace packages as copies of what they publish. */
function deploy(name, target) {
  const { status, error } = spawnSync(
    "pnpm",
    ["--config.inject-workspace-packages=true", "--filter", `@headgate/${name}`, "deploy", "--prod", target],
    { cwd: workspace, stdio: ["ignore", 2, 2] },
  );
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`pnpm deploy of ${name} ended with ${status}`);
}

function prune(target, surplus) {
  const store = join(target, "node_modules/.pnpm");
  for (const entry of readdirSync(store)) {
    if (surplus.some((start) => entry.startsWith(start))) remove(join(store, entry));
    remove(join(store, entry, SDK_TESTING));
  }
  for (const book of BOOKS) remove(join(target, book));
  pruneFolder(target);
}

function pruneFolder(folder) {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    const info = lstatSync(path);
    // Commands of packages are shell scripts, and links to what was removed lead nowhere.
    if (
      entry === ".bin" ||
      (info.isSymbolicLink() && statSync(path, { throwIfNoEntry: false }) === undefined)
    )
      remove(path);
    else if (info.isDirectory()) pruneFolder(path);
    else if (USELESS_FILE.test(entry)) remove(path);
  }
}

function remove(path) {
  rmSync(path, { recursive: true, force: true });
}
