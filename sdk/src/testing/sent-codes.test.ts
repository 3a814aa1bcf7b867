/** No code is only a promise: each stands in the code of a plane, as more than a type, a text or a comparison. */
import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERROR_CODES } from "../contract/error-codes.ts";

const root = new URL("../../../", import.meta.url);
const shipped = globSync(["data-plane/src/**/*.ts", "control-plane/src/**/*.ts"], { cwd: root })
  .filter((path) => !/\.(test|bench)\.ts$|\/testing\//.test(path))
  .map((path) => readFileSync(new URL(path, root), "utf8"))
  .join("\n")
  // Where a code is compared, made into a type, or worded, it is not sent.
  .replace(/[!=]== "[^"]*"|"[^"]*" (?=\|)|\| "[^"]*"|"[^"]*":/g, "")
  .replaceAll("`limit.${", '"limit.requests" "limit.tokens" "limit.concurrency" `${');

test.each(Object.keys(ERROR_CODES))("%s stands where one of the planes can send it", (code) => {
  expect(shipped.includes(`"${code}"`)).toBe(true);
});
