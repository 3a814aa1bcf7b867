import { createHash, type Hash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";

export interface HashOptions {
  /** Of entries at any depth; what it refuses is not part of the content. */
  readonly accepts?: (name: string) => boolean;
  /** Anything else that makes a difference. */
  readonly also?: string;
}

/** A name for what the files and folders hold: names, contents, links and whether a file may be run; no times, no owners. */
export function contentHash(paths: readonly string[], options: HashOptions = {}): string {
  const hash = createHash("sha256");
  field(hash, options.also ?? "");
  // A path that was named is followed where it leads; links below it are content.
  for (const path of paths) add(hash, realpathSync(path), "", options.accepts ?? (() => true));
  return hash.digest("hex").slice(0, 16);
}

function add(hash: Hash, path: string, name: string, accepts: (name: string) => boolean): void {
  const info = lstatSync(path);
  if (info.isSymbolicLink()) {
    field(hash, `link ${name} ${readlinkSync(path)}`);
  } else if (info.isDirectory()) {
    field(hash, `folder ${name}`);
    for (const entry of readdirSync(path).sort()) {
      if (accepts(entry)) add(hash, join(path, entry), entry, accepts);
    }
    field(hash, "end");
  } else {
    field(hash, `file ${name} ${(info.mode & 0o111) !== 0 ? "x" : "-"} ${info.size}`);
    hash.update(readFileSync(path));
  }
}

/** With its length, so that no two different sequences of fields are the same bytes. */
function field(hash: Hash, text: string): void {
  hash.update(`${text.length}:${text}`);
}
