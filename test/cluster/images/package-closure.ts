import { cpSync, existsSync, mkdirSync, readdirSync, readlinkSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** Neither is ever loaded by a running program. */
const USELESS_PACKAGE = /^(typescript@|@typescript\+|@types\+)/;
const USELESS_FILE = /\.(map|md|markdown|d\.[cm]?ts)$/;

/**
 * Copies installed packages, with all that they depend on, to `target`/node_modules, in pnpm's own layout. `from` is a
 * package folder of the workspace that depends on each of `names`.
 */
export function copyPackages(options: {
  readonly names: readonly string[];
  readonly from: string;
  readonly target: string;
}): void {
  const { names, from, target } = options;
  const modules = join(target, "node_modules");
  const copied = new Set<string>();
  for (const name of names) {
    const folder = realpathSync(join(from, "node_modules", name));
    const store = folder.slice(0, folder.lastIndexOf(`${sep}.pnpm${sep}`) + `${sep}.pnpm`.length);
    copyEntry({ store, entry: entryOf(store, folder), target: join(modules, ".pnpm"), copied });
    const link = join(modules, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), join(modules, ".pnpm", relative(store, folder))), link);
  }
}

interface Copying {
  readonly store: string;
  /** A folder of the store: a package, and links to what it depends on. */
  readonly entry: string;
  readonly target: string;
  readonly copied: Set<string>;
}

function copyEntry({ store, entry, target, copied }: Copying): void {
  if (copied.has(entry) || USELESS_PACKAGE.test(entry)) return;
  copied.add(entry);
  cpSync(join(store, entry), join(target, entry), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !USELESS_FILE.test(path),
  });
  for (const link of linksIn(join(store, entry, "node_modules"))) {
    const path = join(dirname(link), readlinkSync(link));
    if (existsSync(path)) copyEntry({ store, entry: entryOf(store, realpathSync(path)), target, copied });
  }
}

function entryOf(store: string, folder: string): string {
  return relative(store, folder).split(sep)[0] ?? "";
}

function linksIn(modules: string): readonly string[] {
  return readdirSync(modules, { withFileTypes: true }).flatMap((item) => {
    const path = join(modules, item.name);
    if (item.isSymbolicLink()) return [path];
    return item.name.startsWith("@") ? linksIn(path) : [];
  });
}
