/**
 * Writes the SDK's types of the API from the built control plane. With `--check` it writes nothing and ends with 1
 * when they are not up to date. Build the control plane first.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { renderRouterTypes } from "./router-types.ts";

const declarations = new URL("../dist/", import.meta.url);
const sources = new URL("../src/", import.meta.url);
const target = fileURLToPath(new URL("../../sdk/src/generated/router.ts", import.meta.url));

const rendered = renderRouterTypes(
  "api/trpc/router.d.ts",
  (path) => readFileSync(new URL(path, declarations), "utf8"),
  (path) => readFileSync(new URL(path, sources), "utf8"),
);
const current = readIfThere(target);
if (rendered === current) process.stdout.write("The SDK's types of the API are up to date.\n");
else if (process.argv.includes("--check")) {
  process.stderr.write(
    "The SDK's types of the API are stale: run control-plane/scripts/emit-router-types.ts.\n",
  );
  process.exitCode = 1;
} else {
  writeFileSync(target, rendered);
  process.stdout.write("The SDK's types of the API were written anew.\n");
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
