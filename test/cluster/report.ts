import { appendFileSync, readFileSync } from "node:fs";

/** Where the figures of a run are gathered; set by the runner, absent when vitest is called by hand. */
const FILE = process.env["HEADGATE_CLUSTER_REPORT"];

/** Keeps a figure for the report at the end of the run. Lines of a longer value are printed below its name. */
export function recordFigure(name: string, value: string | number): void {
  if (FILE === undefined) console.log(`${name}: ${value}`);
  else appendFileSync(FILE, `${JSON.stringify({ name, value })}\n`);
}

/** The figures in the order in which their names first came up; the last value of a name counts. */
export function readFigures(file: string): ReadonlyMap<string, string | number> {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const { name, value } = JSON.parse(line) as { readonly name: string; readonly value: string | number };
      return [name, value];
    }),
  );
}
