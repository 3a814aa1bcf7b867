import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

/** What the routers of all domains stand on. */
const LADDER = "api/trpc/procedures.ts";

test("no folder imports one that imports it, be it by way of others", () => {
  const sources = new URL("./", import.meta.url);
  const imports = new Map<string, Set<string>>();
  for (const file of readdirSync(sources, { recursive: true, encoding: "utf8" })) {
    const [folder = "", ...rest] = file.split("/");
    if (!/\.ts$/.test(file) || /\.test\.ts$/.test(file) || folder === "testing" || rest.length === 0)
      continue;
    const found = imports.get(folder) ?? new Set();
    imports.set(folder, found);
    for (const [, path = ""] of readFileSync(new URL(file, sources), "utf8").matchAll(
      /(?:from |import\(?\s*)"(\.[^"]+)"/g,
    )) {
      const target = join(dirname(file), path);
      const [other = ""] = target.split("/");
      if (target !== LADDER && other !== folder) found.add(other);
    }
  }
  expect(imports.size).toBeGreaterThan(10);
  // Those that import none of the others are taken away, until none is left but those of circles and what leads there.
  for (let before = 0; before !== imports.size; ) {
    before = imports.size;
    for (const [folder, found] of imports)
      if (![...found].some((other) => imports.has(other))) imports.delete(folder);
  }
  expect(Object.fromEntries(imports)).toEqual({});
});
